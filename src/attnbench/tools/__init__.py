"""What developers and module authors use: the benchmark, matching networks, new modules, the modules page."""
