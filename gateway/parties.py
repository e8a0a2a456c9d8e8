"""A party as the gateway sees it: calls gathered into batches, a breaker, and its clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import gevent

from gateway import metrics
from gateway.batching import Batcher, Pending
from gateway.handover import Handover
from proto import ledger_pb2 as pb
from proto import ledger_pb2_grpc, orders_pb2
from recoup import logs, tracing
from recoup.bounds import PROBE_TID
from recoup.errors import NotSent, RecoupError, Unanswered
from recoup.rpc import ask, ask_again, open_channel
from recoup.settings import Settings

log = logs.logger(__name__)

PROBE_S = 1.0
"""How often a party that stays away is asked whether it is back."""

SILENT_PART = 0.9
"""A party that doesn't answer for this part of a deadline stays away; the rest of it has gone into
reading the order and gathering the call."""

OVER = {pb.SETTLED, pb.ALREADY, pb.NO_LEG}
"""Nothing of the tid is held any more."""

Item = TypeVar("Item")
T = TypeVar("T")

Work = tuple[pb.Deduction | pb.Settlement, float]
"""What to apply, and until when (by the monotonic clock, in s) it makes sense to go on trying."""


def said(tids: Sequence[str], answers: Sequence[pb.Vote | pb.Settled.ValueType]) -> dict[str, str]:
    """What a party has answered about each tid, in words."""
    return {
        tid: pb.Vote.Answer.Name(it.answer) if isinstance(it, pb.Vote) else pb.Settled.Name(it)
        for tid, it in zip(tids, answers, strict=True)
    }


class Party:
    """One party of checkouts."""

    def __init__(self, name: str, settings: Settings, hand_over: Handover) -> None:
        self.name = name
        self.away = False
        """The breaker: open while the party stays away. Checkouts ask it before they begin."""
        self.clock_offset_ms: float | None = None
        """The party's clock minus this process's monotonic one, as last seen."""
        self._settings = settings
        self._hand_over = hand_over
        self._silent_since_s: float | None = None
        self._stub = ledger_pb2_grpc.LedgerStub(open_channel(settings.address(name)))
        size, waiting = settings.batch_items, settings.waiting_items
        observe = metrics.BATCH_ITEMS[f"deduct_{name}"].observe
        self._apply: Batcher[Work, pb.Vote | pb.Settled.ValueType] = Batcher(
            self._send_work, size, waiting, observe
        )
        self._find: Batcher[str, pb.AccountResult] = Batcher(self._send_finds, size, waiting)
        self._adjust: Batcher[pb.Adjustment, pb.AccountResult] = Batcher(
            self._send_adjustments, size, waiting
        )
        self._create: Batcher[pb.NewAccount, pb.AccountResult] = Batcher(
            self._send_creations, size, waiting
        )

    # --- a checkout's calls ---

    def deduct(self, deduction: pb.Deduction, end_s: float) -> Pending[pb.Vote]:
        """Has the party hold a leg. Tried again until `end_s`, if the party is restarting."""
        pending: Pending[pb.Vote] = self._apply.put((deduction, end_s), end_s)  # type: ignore[assignment]
        return pending

    def give_back(self, tid: str, end_s: float) -> Pending[pb.Settled.ValueType]:
        """Has the party return the leg of an aborted tid. Raises NotSent while it stays away."""
        if self.away:
            raise NotSent(f"{self.name} stays away")
        settlement = pb.Settlement(tid=tid, verdict=orders_pb2.ABORT)
        pending: Pending[pb.Settled.ValueType] = self._apply.put((settlement, end_s), end_s)  # type: ignore[assignment]
        return pending

    @tracing.many(
        lambda self, _: f"ask {self.name}", lambda self, work: [what.tid for what, _ in work], said
    )
    def _send_work(self, work: Sequence[Work]) -> list[pb.Vote | pb.Settled.ValueType]:
        """One call for all: deductions and settlements may both be done twice. Tids that are paid
        go along and are settled by it. Raises NotSent for those that were waiting when the breaker
        opened."""
        if self.away:
            raise NotSent(f"{self.name} stays away")
        request = pb.ApplyRequest(
            deductions=[what for what, _ in work if isinstance(what, pb.Deduction)],
            settlements=[what for what, _ in work if isinstance(what, pb.Settlement)],
            by="gateway",
        )
        along = self._hand_over.take_paid(self.name, self._settings.batch_items)
        for tid in along:
            request.settlements.add(tid=tid, verdict=orders_pb2.COMMIT)
        try:
            reply = self._apply_now(request, max(end for _, end in work))
        except RecoupError:
            self._leave_to_workers(along)
            raise
        votes, settled = iter(reply.votes), iter(reply.settled)
        results = [
            next(votes) if isinstance(what, pb.Deduction) else next(settled) for what, _ in work
        ]
        self._leave_to_workers(
            tid for tid, each in zip(along, settled, strict=True) if each not in OVER
        )
        return results

    def _leave_to_workers(self, tids: Iterable[str]) -> None:
        for tid in tids:
            self._hand_over.put([self.name], tid)

    def _apply_now(self, request: pb.ApplyRequest, end_s: float) -> pb.ApplyReply:
        """What the party answers, completely. Raises Unanswered; then each item has been done, or
        has not."""
        began_s = time.monotonic()
        try:
            reply = ask_again(self._stub.Apply, request, end_s - began_s)
        except Unanswered:
            # Deductions alone: giving back has a limit too short to conclude anything from.
            if request.deductions:
                self._note_silence(began_s)
            raise
        self._silent_since_s = None
        now_s = time.monotonic()
        metrics.HOP_DURATION_S[f"deduct_{self.name}"].observe(now_s - began_s)
        complete = len(reply.votes) == len(request.deductions)
        if not complete or len(reply.settled) != len(request.settlements):
            raise Unanswered(f"{self.name} has left out some answers, so none can be told apart")
        self._note_clock(reply.clock_ms, now_s)
        return reply

    def _note_clock(self, clock_ms: int, now_s: float) -> None:
        if clock_ms:
            self.clock_offset_ms = clock_ms - now_s * 1000

    def _note_silence(self, began_s: float) -> None:
        """Opens the breaker once nothing was answered for a whole deadline. One call may have had
        less than that: when it is busy here, deductions wait before they are sent."""
        if self._silent_since_s is None:
            self._silent_since_s = began_s
        silent_ms = (time.monotonic() - self._silent_since_s) * 1000
        if silent_ms >= SILENT_PART * self._settings.deadline_ms:
            self._open_breaker()

    def _open_breaker(self) -> None:
        """Turns checkouts away until the party answers: it has been silent for a whole deadline."""
        if not self.away:
            self.away = True
            metrics.BREAKER_OPEN[self.name].set(1)
            log.error(
                "%s stays away: checkouts are turned away until it answers",
                self.name,
                party=self.name,
            )
            gevent.spawn(self._probe)

    def _probe(self) -> None:
        while True:
            try:
                ask(self._stub.Status, pb.StatusRequest(tids=[PROBE_TID]), PROBE_S)
            except RecoupError:
                gevent.sleep(PROBE_S)
            else:
                break
        self.away = False
        metrics.BREAKER_OPEN[self.name].set(0)
        log.warning("%s is back", self.name, party=self.name)

    def ping(self, limit_s: float) -> None:
        """Notes the party's clock. Raises Unanswered unless the party and its database answer."""
        reply = ask(self._stub.Status, pb.StatusRequest(tids=[PROBE_TID]), limit_s)
        self._note_clock(reply.clock_ms, time.monotonic())

    # --- for people ---

    def leg(self, tid: str, limit_s: float) -> tuple[pb.Leg | None, int]:
        """The party's leg of a tid, if it has one, and its clock. Raises Unanswered."""
        reply = ask(self._stub.Status, pb.StatusRequest(tids=[tid]), limit_s)
        (leg,) = reply.legs
        return None if leg.state == pb.Leg.NONE else leg, reply.clock_ms

    def accounts(self, ids: Sequence[str], limit_s: float) -> Sequence[pb.AccountResult]:
        """These accounts, in order. Raises Unanswered."""
        return ask(
            self._stub.FindAccounts, pb.FindAccountsRequest(account_ids=ids), limit_s
        ).results

    # --- accounts ---

    def find(self, account_id: str) -> pb.AccountResult:
        """An account as it is."""
        return self._answer(self._find, account_id)

    def adjust(self, adjustment: pb.Adjustment) -> pb.AccountResult:
        """Adds to an account, or subtracts. Never tried twice: it isn't known to be safe."""
        return self._answer(self._adjust, adjustment)

    def create(self, account: pb.NewAccount) -> pb.AccountResult:
        """Creates an empty account."""
        return self._answer(self._create, account)

    def init(self, request: pb.InitAccountsRequest) -> pb.AccountResult.Outcome.ValueType:
        """Writes accounts anew; takes a while."""
        limit_s = self._settings.init_timeout_ms / 1000
        return ask(self._stub.InitAccounts, request, limit_s).outcome

    def _answer(self, batcher: Batcher[Item, T], item: Item) -> T:
        # Twice: once for the call before it to end, once for its own.
        limit_s = 2 * self._settings.rpc_timeout_ms / 1000
        return batcher.put(item, time.monotonic() + limit_s).get(limit_s)

    def _send_finds(self, ids: Sequence[str]) -> list[pb.AccountResult]:
        return self._results(self._stub.FindAccounts, pb.FindAccountsRequest(account_ids=ids))

    def _send_adjustments(self, adjustments: Sequence[pb.Adjustment]) -> list[pb.AccountResult]:
        request = pb.AdjustAccountsRequest(adjustments=adjustments)
        return self._results(self._stub.AdjustAccounts, request)

    def _send_creations(self, accounts: Sequence[pb.NewAccount]) -> list[pb.AccountResult]:
        request = pb.CreateAccountsRequest(accounts=accounts)
        return self._results(self._stub.CreateAccounts, request)

    def _results(
        self, method: Callable[..., pb.AccountsReply], request: object
    ) -> list[pb.AccountResult]:
        return list(ask(method, request, self._settings.rpc_timeout_ms / 1000).results)
