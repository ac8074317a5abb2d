"""From a file to `EventData`: opened and checked, its columns read, its references followed."""
