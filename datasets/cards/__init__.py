"""What datasets say of themselves, to people and to programs; and the published ones."""
