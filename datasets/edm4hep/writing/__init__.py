"""From `EventData` to a file: hits put into collections, rows into columns and references."""
