"""One training on many devices: what is said to others in a step, and what dividing costs."""
