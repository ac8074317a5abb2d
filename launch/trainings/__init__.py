"""Small real trainings, of seconds each, whose learning curves tables are made of."""
