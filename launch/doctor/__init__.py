"""What an EDM4HEP file has, what it lacks, and which programs can use it."""
