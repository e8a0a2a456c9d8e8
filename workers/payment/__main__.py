"""The process `payment`."""

from workers.ledger.party import run

if __name__ == "__main__":
    run("payment")
