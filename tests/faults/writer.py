"""The independent witness: a process outside the swarm that orders in the shop, and notes what was acknowledged.

usage: writer.py RUN FILE ADDRESS...     every 200 ms an order of customer RUN-N, to the next address when one fails
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

EVERY_SECONDS = 0.2
PATIENCE_SECONDS = 3.0
PORT = 8080


def order(address: str, customer: str) -> int:
    """Place one order and return the answer's status; raises OSError or HTTPException without one."""
    connection = http.client.HTTPConnection(address, PORT, timeout=PATIENCE_SECONDS)
    try:
        body = json.dumps({"product_id": 1, "quantity": 1, "customer": customer})
        connection.request("POST", "/api/orders", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def keep_ordering(run: str, file: Path, addresses: Sequence[str]) -> None:
    """Order until killed; a line for each order, when its answer is in: number, moment, status, 0 for none."""
    turn, number = 0, 0
    with file.open("a") as notes:
        while True:
            number, began = number + 1, time.monotonic()
            try:
                status = order(addresses[turn % len(addresses)], f"{run}-{number}")
            except (OSError, http.client.HTTPException):
                status = 0
            if status != 201:
                turn += 1
            notes.write(f"{number} {time.time():.2f} {status}\n")
            notes.flush()
            time.sleep(max(0.0, EVERY_SECONDS - (time.monotonic() - began)))


if __name__ == "__main__":
    keep_ordering(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
