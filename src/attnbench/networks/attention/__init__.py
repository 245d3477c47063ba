"""Attention modules: `attention/<name>.py` is the module `<name>`."""
