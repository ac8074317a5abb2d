"""Renews docs/malformed.md: python -m tests.malformed."""

from tests.malformed.document import PAGE, rendered

if __name__ == "__main__":
    PAGE.write_text(rendered())
