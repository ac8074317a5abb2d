"""Which configuration comes next: at random, evenly, or where results promise most."""
