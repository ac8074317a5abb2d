"""What all schedulers stand on: words, trials, values that never change, proposals."""
