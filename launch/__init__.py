"""Programs: the only place where flags, files, processes and the screen meet."""
