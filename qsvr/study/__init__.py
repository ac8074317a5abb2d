"""What Q-SVR is worth on learning curves: tasks and measurements."""
