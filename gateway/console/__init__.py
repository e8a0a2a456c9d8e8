"""The console: what operators see of this system in a browser, and do to it, under /console.

Pages are made on the server from what the order store and the parties say (`recoup/operate`), so
they are complete without JavaScript and work without the broker. Nothing here decides: an action
asks what anyone could ask, and the stores' scripts refuse what contradicts a verdict.
"""
