"""Design sweeps on the command line: options, progress, job scripts, and what a run comes to."""
