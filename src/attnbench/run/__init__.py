"""`attnbench run`: which stages of a study are stale, and working them off in parallel."""
