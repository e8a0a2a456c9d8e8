"""What an operator asks of an instance, and does to it: the same for the console and the command
line.

Everything here is asked of the order store and of the parties over gRPC, never of Celery, so it is
true without a broker too. What has to be put into words is pure (`headline.py`, `explain.py`,
`wording.py`); the other modules ask, and return plain dataclasses, times in ms by the clock of the
store that said so.
"""
