"""Work that several processes share, maybe on several machines: each makes parts, the first one
puts them together. They meet in a folder that all of them see, and need no network."""
