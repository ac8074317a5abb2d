"""Speed of the core of hpo, and of its peers in an environment of their own."""
