"""What the claims of speed rest on: each module prints its figures and what they were taken on."""
