"""A study as one sees it: what is shown of it, and the figures behind each picture; no drawing."""
