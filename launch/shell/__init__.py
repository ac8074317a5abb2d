"""What programs share: flags and errors, the folder of a run, progress, checks, compilations."""
