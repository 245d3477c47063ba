"""Training: a pure function of network, images, recipe and seed."""
