"""Each rule that gateways, workers and sweeps keep, and the function without it."""

from __future__ import annotations

from gateway.checkout import Checkout
from reconcile import reconciler
from reconcile.reconciler import Reconciler
from tests.model import worlds
from tests.model.mutation import Mutant, Python

MUTANTS_IN_PYTHON = [
    # --- the gateway ---
    Mutant(
        "commit is proposed only if all said yes",
        worlds.cart_changes,
        (Python(Checkout, "_decide", "votes.all_yes(cast)", "True"),),
    ),
    Mutant(
        "200 is answered by the verdict, not by the votes",
        worlds.cart_changes,
        (Python(Checkout, "_try", 'decision.verdict == "commit"', "votes.all_yes(cast)"),),
    ),
    Mutant(
        "a checkout tries again only while the cart is what it has read",
        worlds.short_and_changed,
        (Python(Checkout, "_try", "decision.content == order.content", "True"),),
    ),
    Mutant(
        "a 4xx is answered only with a verdict",
        worlds.cart_changes,
        (
            Python(
                Checkout,
                "_propose",
                "while True:",
                'if proposal == "close":\n'
                '        return Decision("abort", False, None, 2, 3, 0)\n'
                "    while True:",
            ),
        ),
    ),
    Mutant(
        "a checkout is closed before a 4xx, not only aborted (ADR 4)",
        worlds.short,
        (
            Python(
                Checkout,
                "_propose",
                "self._orders.propose(tid, proposal, reasons.GATEWAY, why)",
                'self._orders.propose(tid, "abort" if proposal == "close" else proposal, "", "")',
            ),
        ),
    ),
    Mutant(
        "no checkout goes on behind a gap (ADR 4)",
        worlds.short,
        (Python(Checkout, "_try", "decision.version == version + 1", "True"),),
    ),
    Mutant(
        "nothing is given back before the verdict",
        worlds.short,
        (
            Python(
                Checkout,
                "_try",
                "decision = self._decide(tid, cast, again)",
                "self._give_back(tid, cast)\n        decision = self._decide(tid, cast, again)",
            ),
        ),
    ),
    # --- reconciliation ---
    Mutant(
        "commit isn't proposed for a peer that knows nothing",
        worlds.two_at_once,
        (
            Python(
                reconciler,
                "proposal",
                "all(peer is Peer.HELD for peer in peers)",
                "all(peer in (Peer.HELD, Peer.NONE) for peer in peers)",
            ),
        ),
    ),
    Mutant(
        "commit isn't proposed for a peer that can't be reached",
        worlds.two_at_once,
        (
            Python(
                reconciler,
                "proposal",
                "all(peer is Peer.HELD for peer in peers)",
                "all(peer in (Peer.HELD, Peer.UNREACHABLE) for peer in peers)",
            ),
        ),
    ),
    Mutant(
        "that the peer holds too is no verdict",
        worlds.two_at_once,
        (
            Python(
                Reconciler,
                "settle",
                "if proposals:\n",
                "commit = orders_pb2.COMMIT\n"
                "        agreed = {p.tid: commit for p in proposals if p.verdict == commit}\n"
                "        verdicts |= agreed\n"
                "        if proposals and not agreed:\n",
            ),
        ),
    ),
    Mutant(
        "that the peer is away is no verdict",
        worlds.two_at_once,
        (
            Python(
                Reconciler,
                "settle",
                "if proposals:\n",
                "abort = orders_pb2.ABORT\n"
                "        given_up = {p.tid: abort for p in proposals if p.verdict == abort}\n"
                "        verdicts |= given_up\n"
                "        if proposals and not given_up:\n",
            ),
        ),
    ),
    Mutant(
        "the winner counts, not what was proposed",
        worlds.two_at_once,
        (
            Python(
                Reconciler,
                "settle",
                "outcomes)\n    except",
                "outcomes)\n"
                "            verdicts |= {p.tid: p.verdict for p in proposals}\n"
                "    except",
            ),
        ),
    ),
]

MUTANTS_OF_THREE = [
    Mutant(
        "commit is proposed once all have said yes, not once two have",
        worlds.three_parties,
        (
            Python(
                Checkout,
                "_decide",
                "votes.all_yes(cast)",
                "[vote and vote.answer for vote in cast.values()].count(pb.Vote.YES) > 1",
            ),
        ),
    ),
    Mutant(
        "commit is proposed once all peers hold, not once one does",
        worlds.three_parties,
        (
            Python(
                reconciler,
                "proposal",
                "all(peer is Peer.HELD for peer in peers)",
                "Peer.HELD in peers",
            ),
        ),
    ),
    Mutant(
        "every party of a leg is asked, not the first two",
        worlds.three_parties,
        (Python(Reconciler, "_peers", "in leg.parties:", "in leg.parties[:2]:"),),
    ),
]
"""What takes a third party to show: with two, all of this is as good as the rule."""
