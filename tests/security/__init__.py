"""What nobody may do to a machine through files, names or packages."""
