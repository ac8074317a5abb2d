"""Speed and quality of Q-SVR, and PyQUBO beside it in an environment of its own."""
