"""How every page looks: one stylesheet, and the functions that all pictures share."""
