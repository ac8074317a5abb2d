"""What schedulers find for their epochs, ours beside those of other tools, on tables of curves."""
