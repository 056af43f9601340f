"""One manager of three lost with its disk and replaced, while a client orders: what became of the orders."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab_hosts import INVENTORY, SSH_ADDRESSES, LabHosts

CALM_SECONDS = 10.0
AWAY_SECONDS = 30.0
"""For how long the lost manager is off before a new one comes in its place."""


@dataclass(frozen=True)
class OneOfThree:
    orders: int
    failed: int
    retried: int
    """Orders that needed more than one try."""
    longest_seconds: float
    missing_rows: int
    back_seconds: float
    """From the bare host's boot to the proved swarm of three."""


def three_managers(folder: Path) -> tuple[Path, Path]:
    """Write the inventory and the stack: pages and backends twice, on A and B; the database on C."""
    inventory = INVENTORY.read_text().replace("    workers:\n      hosts:\n", "")
    for role in ("frontend", "backend"):
        inventory = inventory.replace(f"role: {role}", "role: web")
    # What the stack file says of one page and one backend, for two of each on the two hosts of the web.
    stack = shutil.copy(folder / "stack.yaml", folder / "twice.yaml")
    text = Path(stack).read_text()
    for role in ("frontend", "backend"):
        once = f"replicas: 1\n      placement:\n        constraints: [node.labels.role == {role}]"
        if once not in text:
            raise SystemExit(f"the shop's stack file declares its {role} in other words now")
        text = text.replace(once, "replicas: 2\n      placement:\n        constraints: [node.labels.role == web]")
    Path(stack).write_text(text)
    (folder / "three.yaml").write_text(inventory)
    return folder / "three.yaml", Path(stack)


@contextmanager
def ordering(file: Path) -> Iterator[None]:
    """Let a client of its own process order; at the end wait until each order has its answer."""
    file.touch()
    command = [sys.executable, str(Path(__file__).parent / "orders.py"), "lost", str(file), *SSH_ADDRESSES.values()]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as client:
        yield
        client.communicate(timeout=120)


def measure(hosts: LabHosts, folder: Path, images: Path, swarmkit: Callable[..., object]) -> OneOfThree:
    inventory, stack = three_managers(folder)
    declared = ("-i", inventory, "-f", stack, "--stack", "shop", "--images", images)
    swarmkit("lab", "reset", *SSH_ADDRESSES)
    swarmkit("up", "--yes", *declared)
    sql = "docker exec $(docker ps -q --filter label=com.docker.swarm.service.name=shop_database) psql -tA shop -c"
    hosts.run("C", f'{sql} "update products set stock = 2000000000"')
    notes = folder / "orders"
    with ordering(notes):
        time.sleep(CALM_SECONDS)
        swarmkit("lab", "fault", "power-off", "A")
        time.sleep(AWAY_SECONDS)
        began = time.monotonic()
        swarmkit("lab", "reset", "A")
        swarmkit("play", "replace-host", "--yes", "--set", "host=A", *declared)
        back = time.monotonic() - began
        time.sleep(CALM_SECONDS)
    placed = [line.split() for line in notes.read_text().splitlines()]
    acknowledged = {f"lost-{number}" for number, _, _, _, status in placed if status == "201"}
    rows = set(hosts.run("C", f"""{sql} "select customer from orders where customer like 'lost-%'" """).split())
    return OneOfThree(
        orders=len(placed),
        failed=len(placed) - len(acknowledged),
        retried=sum(int(tries) > 1 for _, _, _, tries, _ in placed),
        longest_seconds=max(float(took) for _, _, took, _, _ in placed),
        missing_rows=len(acknowledged - rows),
        back_seconds=back,
    )
