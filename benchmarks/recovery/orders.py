"""A client outside the swarm that orders every 200 ms until its stdin ends: orders.py RUN FILE ADDRESS...

The order N of customer RUN-N goes to one address after another, N's turn first, each for 3 s at most, until one of them
acknowledges it: what a client with several addresses in its DNS does. After 30 s it has failed. FILE gets a line for
each order: N, the moment it began, the seconds it took, the tries, and the last answer's status, 0 for none.
"""

from __future__ import annotations

import http.client
import itertools
import json
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

EVERY_SECONDS = 0.2
TRY_SECONDS = 3.0
PATIENCE_SECONDS = 30.0
PORT = 8080
CREATED = 201


def try_once(address: str, customer: str) -> int:
    connection = http.client.HTTPConnection(address, PORT, timeout=TRY_SECONDS)
    try:
        body = json.dumps({"product_id": 1, "quantity": 1, "customer": customer})
        connection.request("POST", "/api/orders", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def order(customer: str, addresses: Sequence[str]) -> tuple[int, int]:
    """Place one order, however many tries it takes; return their number and the last status."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    for tries, address in enumerate(itertools.cycle(addresses), 1):
        status = try_once(address, customer)
        if status == CREATED or time.monotonic() > deadline:
            return tries, status
        time.sleep(EVERY_SECONDS)
    raise AssertionError("no address")


def main(run: str, file: Path, addresses: Sequence[str]) -> None:
    over, lines, orders = threading.Event(), threading.Lock(), []
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()

    def place(number: int) -> None:
        turn, began, clock = number % len(addresses), time.time(), time.monotonic()
        tries, status = order(f"{run}-{number}", [*addresses[turn:], *addresses[:turn]])
        with lines, file.open("a") as notes:
            notes.write(f"{number} {began:.2f} {time.monotonic() - clock:.2f} {tries} {status}\n")

    for number in itertools.count(1):
        if over.wait(EVERY_SECONDS):
            break
        orders.append(threading.Thread(target=place, args=(number,)))
        orders[-1].start()
    for one in orders:
        one.join()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
