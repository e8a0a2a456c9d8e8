"""The command line. stdout is data, stderr is progress and advice.

Exit statuses: 0 fine · 1 found something · 2 wrong usage · 3 can't tell. Whatever a command needs
is imported when it runs, so that help and completion come at once.
"""

from __future__ import annotations

from recoup.cli.acting import abort, log, retry
from recoup.cli.checking import audit, bench, chaos, consistency, soak
from recoup.cli.command import Main
from recoup.cli.completing import completion
from recoup.cli.following import tail
from recoup.cli.looking import pending, show, status
from recoup.cli.running import demo, up

OVERVIEW = """A checkout that always balances.

    \b
    recoup up            start everything on this machine
    recoup demo          buy something, kill a process, watch the books heal

    \b
    recoup status        is money wrong, does it grow, must someone act?
    recoup pending       what waits to be settled, and why
    recoup show ID       all about an order, an attempt, a user or an item
    recoup retry TID     have it tried now; or many, chosen by a filter
    recoup abort TID     abort a checkout that nobody has decided
    recoup log           what operators have done
    recoup tail          follow what happens

    \b
    recoup audit         check that every credit, item and order is accounted for
    recoup consistency   1,000 checkouts of 100 pieces at once, and verify
    recoup chaos         break an instance of its own under load, and verify
    recoup bench         how fast checkouts are, and what one costs
    recoup soak          load an instance of its own, and see whether anything grows

    \b
    recoup completion    complete commands and options in bash, zsh or fish

    RECOUP_PORT and RECOUP_DATA_DIR choose the instance. Every command takes --json: one object, or
    one a line, on stdout. Exit status: 0 fine, 1 found something, 2 wrong usage, 3 can't tell.
"""

main = Main(
    "recoup",
    help=OVERVIEW,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Settings are environment variables RECOUP_<NAME>; see recoup/settings.py.",
)

for each in (
    *(up, demo),
    *(status, pending, show, retry, abort, log, tail),
    *(audit, consistency, chaos, bench, soak),
    completion,
):
    main.add_command(each)
