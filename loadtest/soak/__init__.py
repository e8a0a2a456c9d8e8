"""Steady load for some minutes, and whether anything grows that shouldn't."""
