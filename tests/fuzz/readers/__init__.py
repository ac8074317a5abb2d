"""What is fuzzed: readers, each with the sound files that damage begins with."""
