"""Measures how fast checkouts are, and what one costs, on instances of its own."""
