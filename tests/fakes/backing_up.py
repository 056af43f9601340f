"""`swarmkit backup` on fake hosts."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fakes.manager_state import packed_state
from fakes.running import run_once
from fakes.swarm import FakeFleet
from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.progress import Silent
from swarmkit.reach.ssh import CommandResult
from swarmkit.recovery.keys import Sealer
from swarmkit.workflows.backup import BackupReport, backup
from swarmkit.workflows.terms import Terms

BEGAN = datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)
"""When an engine is stopped."""

STATE = packed_state({"swarm/docker-state.json": b"{}", "swarm/certificates/swarm-node.crt": b""})
FILES = bytes(10240)
"""What `tar` says of nothing."""


class Operator:
    """Backs the fleet up, as `swarmkit backup` does."""

    def __init__(self, fleet: FakeFleet, folder: Path, stack_text: str) -> None:
        self.fleet, self.folder = fleet, folder
        (folder / "stack.yaml").write_text(stack_text)
        stack = load_stack(folder / "stack.yaml", name="s", environment={})
        hosts = tuple(reached.host for reached in fleet.values())
        inventory = Inventory(Path("inventory.yaml"), "prod", hosts, address_pools=("10.20.0.0/16",))
        self.declared = Declared(inventory, stack)
        self.shown: list[Plan] = []

    def deploy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make the swarm and the stack, with its volume on C, on hosts that can be backed up."""
        _, applied = run_once(self.fleet, self.declared)
        assert not applied.failed
        backed_up(self.fleet, monkeypatch)
        self.fleet.engine("C").volumes["s_data"] = {"Name": "s_data", "Driver": "local", "Mountpoint": "/v/_data"}

    def backup(
        self, *, agrees: Callable[[Plan], bool] = lambda _: True, keep: int | None = None, sealer: Sealer | None = None
    ) -> BackupReport | None:
        self.shown.clear()

        def confirm(plan: Plan) -> bool:
            self.shown.append(plan)
            return agrees(plan)

        return backup(
            self.declared, Terms(Silent(), confirm), enclosed={}, folder=self.folder,
            sealer=sealer or Sealer(recipients=[recipient()]), keep=keep, with_images=False,
        )  # fmt: skip


def recipient() -> str:
    from pyrage import x25519

    return str(x25519.Identity.generate().to_public())


def backed_up(fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch, stop: Callable[[], Any] = lambda: None) -> None:
    """Let the hosts answer a backup, each volume as an empty one.

    *stop* is what else happens when an engine is stopped for 1.2 s.
    """

    @contextmanager
    def on_fleet(*_: Any, **__: Any) -> Iterator[FakeFleet]:
        yield fleet

    def answer(script: str, arguments: tuple[str, ...]) -> CommandResult:
        del arguments
        if "/var/tmp/swarmkit-backup" not in script:
            return CommandResult(0, "", "")
        stop()
        said = f"stopped 1200 since {BEGAN.timestamp() * 1000:.0f} ended 700 copied 100"
        return CommandResult(0, f"{said}\n{base64.b64encode(STATE).decode()}", "")

    monkeypatch.setattr("swarmkit.workflows.backup.reach", on_fleet)
    for reached in fleet.values():
        shell: Any = reached.shell
        shell.answer = answer
        shell.piped = lambda *_: (CommandResult(0, "", ""), FILES)
        fleet.engine(reached.host.name).info_changes = {"DockerRootDir": "/var/lib/docker"}
