"""The handbook: docs/ as a site, with a reference made of the code (python -m handbook)."""
