"""Events in, arrays out: detector files and simulated events, their truth, datasets, batches."""
