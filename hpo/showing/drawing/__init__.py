"""Studies as pictures: SVG of our own for the page, matplotlib for notebooks."""
