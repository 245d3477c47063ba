"""attnbench: does this attention module, placed here, help this network, and at what price?"""
