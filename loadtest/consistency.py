"""Checks that a crowd of checkouts at the same moment leaves the books balanced.

One item with few pieces, many users with one credit each, more orders than either can pay for,
all checked out at once. Afterwards stock, credit, orders and the answers have to agree, and
exactly as many orders be paid as there was stock for. It makes its own item and users, so it may
be run against a system in use.

    python -m loadtest.consistency --url http://127.0.0.1:8000 --seed 7
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import traceback

from loadtest.books import Verdict


def run(
    base_url: str,
    seed: int | None = None,
    users: int = 1000,
    stock: int = 100,
    orders: int = 1000,
    convergence_limit_s: float = 60,
) -> int:
    """Checks the system at `base_url`; 0: all agrees, 1: it doesn't, 3: can't tell.

    In a process of its own, since a thousand connections at once take green threads, which
    change the standard library under whoever else uses it.
    """
    command = [sys.executable, "-m", "loadtest.consistency", "--url", base_url]
    command += [] if seed is None else ["--seed", str(seed)]
    command += ["--users", str(users), "--stock", str(stock), "--orders", str(orders)]
    command += ["--convergence-limit-s", str(convergence_limit_s)]
    status = subprocess.run(command, check=False).returncode
    # Whatever else ended it (a signal, an interrupt) is no verdict.
    judged = status in (Verdict.CONSISTENT, Verdict.INCONSISTENT)
    return status if judged else Verdict.CANNOT_TELL


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.consistency",
        description="Checks that a crowd of checkouts at once leaves the books balanced.",
        epilog="Exit status: 0 all agrees, 1 it does not, 3 can't tell (system unreachable).",
    )
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="gateway (%(default)s)")
    parser.add_argument("--seed", type=int, help="draws the same buyers again; printed by each run")
    parser.add_argument(
        "--users", type=_positive, default=1000, help="with one credit (%(default)s)"
    )
    parser.add_argument("--stock", type=_positive, default=100, help="pieces to sell (%(default)s)")
    parser.add_argument("--orders", type=_positive, default=1000, help="all at once (%(default)s)")
    parser.add_argument("--convergence-limit-s", type=float, default=60.0, help="%(default)s")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()

    # Not above: it imports the network modules, which have to find sockets already patched.
    from loadtest import rush, shop

    size = shop.Size(chosen.users, chosen.stock, chosen.orders)
    try:
        return rush.check(chosen.url, chosen.seed, size, chosen.convergence_limit_s, chosen.json)
    except Exception:
        # A fault of this program, or an answer it doesn't understand, must not look like status 1.
        traceback.print_exc()
        return Verdict.CANNOT_TELL


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not above zero")
    return number


if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()
    sys.exit(main())
