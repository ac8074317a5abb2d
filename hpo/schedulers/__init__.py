"""Who trains how far: schedulers as state machines, one file each."""
