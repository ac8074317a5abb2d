"""Files as such: folders that appear whole, records, pickles of numbers, portions."""
