"""What a program would do, how long that would take and how much disk: --dry_run."""
