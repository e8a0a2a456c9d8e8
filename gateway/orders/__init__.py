"""The order store: carts, what was paid, and the one place that decides a checkout."""
