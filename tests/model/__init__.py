"""Every interleaving of a small Recoup, made of the project's own code: see `world.py`."""
