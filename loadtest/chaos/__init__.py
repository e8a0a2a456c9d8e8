"""Breaks an instance in every way we know, under load, and checks that its books agree."""
