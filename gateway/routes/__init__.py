"""The HTTP calls: read the path, ask, answer. What an answer means is decided elsewhere."""
