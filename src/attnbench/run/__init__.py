"""`attnbench run`: finds the stale stages of a study and runs them in parallel."""
