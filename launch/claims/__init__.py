"""What is claimed of tuned particle flow, measured anew: `python -m launch.claims`."""
