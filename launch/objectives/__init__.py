"""What a trial trains: particle flow, and small real trainings for tables of curves."""
