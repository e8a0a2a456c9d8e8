"""What Flask alone can do: the yardstick, served by the same gunicorn command as the gateway."""

from flask import Flask

app = Flask("bare", static_folder=None)


@app.post("/orders/checkout/<order_id>")
def checkout(order_id: str) -> dict[str, object]:
    """An answer like a checkout's, for which nothing is done."""
    tid = f"{order_id}.1"
    return {
        "order_id": order_id,
        "paid": True,
        "tid": tid,
        "total_cost": 2,
        "already_paid": False,
    }
