"""The contract of attention modules: the checks of `attnbench test NAME`, which the tests run for every module."""
