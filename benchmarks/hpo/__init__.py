"""Speed of the core of hpo, what it finds, and both beside its peers' (`make bench-hpo-env`)."""
