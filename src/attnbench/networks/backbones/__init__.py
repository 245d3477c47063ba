"""Networks with slots for attention: `backbones/<name>.py` is the backbone `<name>`."""
