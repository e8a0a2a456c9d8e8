"""The process of a party that is nothing but its name: `python -m workers.ledger shipping`."""

import sys

from recoup.settings import settings
from workers.ledger.party import run

if __name__ == "__main__":
    names = sys.argv[1:]
    if len(names) != 1 or names[0] not in settings().parties:
        sys.exit(f"recoup: name one party of RECOUP_PARTIES: {', '.join(settings().parties)}")
    run(names[0])
