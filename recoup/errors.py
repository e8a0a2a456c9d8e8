"""What can go wrong between the parts of Recoup.

    RecoupError
    ├── Unanswered     someone did not answer: what was asked has happened, or has not
    ├── NotSent        nothing was asked at all: it surely has not happened
    └── WrongSetup     a process can't start like this; its text says what to change

A refusal ("not enough") is a value, never an exception.
"""

NO_DATABASE = "the database did not answer"
"""What a service says when its own database is away: so begins what it tells those who ask it."""


class RecoupError(Exception):
    """Whatever Recoup itself raises."""


class Unanswered(RecoupError):
    """Someone did not answer in time, or lost its connection. Whether it acted is not known."""

    def __init__(self, what: str, cause: str = "no answer") -> None:
        """`what` has the details; `cause` says why in a few words, the same for the same reason."""
        super().__init__(what)
        self.cause = cause


class NotSent(RecoupError):
    """The call was never made: too many wait already, or the breaker is open."""


class WrongSetup(RecoupError):
    """A process can't start with these settings or this database."""
