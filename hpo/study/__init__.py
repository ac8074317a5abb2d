"""A study as it is played, written down, read again and forked."""
