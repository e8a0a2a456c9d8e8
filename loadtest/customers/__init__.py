"""Who comes to the shop when locust is run: `Shopper` or `Visitor`."""

HOST = "http://127.0.0.1:8000"
"""Where the shop is, unless --host or the web page says otherwise."""
