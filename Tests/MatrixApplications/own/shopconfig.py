"""A module that the application finds only through its own PYTHONPATH."""
NAME = "kept"
