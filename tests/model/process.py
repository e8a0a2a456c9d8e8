"""A process as the model sees it: what it has asked so far, and what it was answered.

The project's code runs from its beginning each time, with the answers it has got, until it waits
for one that isn't there yet. So a process that stands still in the middle of a function is a value,
and can be taken up again any number of times, each time with another answer.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from google.protobuf.message import Message

from recoup.errors import Unanswered

_numbers = itertools.count()


@dataclass(frozen=True, eq=False)
class Question:
    """What one process asks of a store's service. Equal ones are the same object: see `ask_of`."""

    store: str
    method: str
    request: Hashable
    number: int = field(default_factory=lambda: next(_numbers))


_questions: dict[tuple[str, str, Hashable], Question] = {}


def question(store: str, method: str, request: Hashable) -> Question:
    """The question of this content."""
    key = (store, method, request)
    if key not in _questions:
        _questions[key] = Question(*key)
    return _questions[key]


class Packed(NamedTuple):
    """A message of the contract, as a value that can be compared."""

    type: type[Message]
    data: bytes

    @classmethod
    def of(cls, message: Message) -> Packed:
        return cls(type(message), message.SerializeToString(deterministic=True))

    def message(self) -> Any:
        return self.type.FromString(self.data)


class Lost:
    """In place of an answer: there is none, and nobody knows whether the question arrived."""


LOST = Lost()


class Waits(BaseException):
    """The process waits here for an answer that it hasn't got yet. No `except` may catch it."""


class Line:
    """What a process talks through: it is replayed what it was answered before."""

    def __init__(self, answers: dict[int, Hashable]) -> None:
        self.asked: list[Question] = []
        self._answers = answers

    def send(self, what: Question) -> int:
        """Asks, and doesn't wait. Returns the number of the question."""
        self.asked.append(what)
        return len(self.asked) - 1

    def wait(self, number: int) -> Any:
        """The answer to a question. Raises Unanswered if it was lost."""
        if number not in self._answers:
            raise Waits
        answer = self._answers[number]
        if answer is LOST:
            raise Unanswered("lost")
        return answer

    def ask(self, what: Question) -> Any:
        return self.wait(self.send(what))


Body = Callable[[Line], Any]
"""What a process does. It must do the same again when it is answered the same."""


class Turn:
    """A process that has been given some answers: it waits for others, or has ended."""

    def __init__(self, program: Program, answers: tuple[tuple[int, Hashable], ...]) -> None:
        self.program = program
        self.answers = answers
        self.number = next(_numbers)
        self.result: Any = None
        given = dict(answers)
        line = Line(given)
        try:
            self.result = program.body(line)
            self.ended = True
        except Waits:
            self.ended = False
        except Unanswered as error:
            self.result, self.ended = error, True
        self.asked = tuple(line.asked)
        self.open = (
            []
            if self.ended
            else [(number, what) for number, what in enumerate(self.asked) if number not in given]
        )

    def answered(self, number: int, answer: Hashable) -> Turn:
        """The process when it has got one more answer."""
        return self.program.turn(tuple(sorted([*self.answers, (number, answer)], key=_first)))


def _first(pair: tuple[int, Hashable]) -> int:
    return pair[0]


class Program:
    """All that a process can come to. Equal turns are the same object."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self._turns: dict[tuple[tuple[int, Hashable], ...], Turn] = {}

    def turn(self, answers: tuple[tuple[int, Hashable], ...] = ()) -> Turn:
        """The process with these answers."""
        if answers not in self._turns:
            self._turns[answers] = Turn(self, answers)
        return self._turns[answers]
