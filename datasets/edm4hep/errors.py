"""What is wrong with a file."""


class EDM4HEPError(ValueError):
    """A file cannot be read as EDM4HEP; the message says in one line what and what to do."""
