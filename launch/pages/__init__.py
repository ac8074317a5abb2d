"""Pages and pictures: plain values in, HTML and SVG out."""
