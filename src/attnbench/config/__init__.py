"""The typed form of a params.yaml."""
