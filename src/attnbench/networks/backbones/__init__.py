"""Backbones: `backbones/<name>.py` is the backbone `<name>`."""
