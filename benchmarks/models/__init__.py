"""Speed of the models, ours and the published, each in a process of its own."""
