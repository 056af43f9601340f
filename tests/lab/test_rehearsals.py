"""The drill on hosts: a twin of the shop recovers from a backup, and from the data of now, and the live shop notices
nothing of it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from lab.shop_lab import ROOT, Lab, Shop
from lab.test_main_job import eventually, order, versions
from lab.test_recovery import answers

from swarmkit import lab as room
from swarmkit.cli.rehearsing.twin import _NUMBERS
from swarmkit.lab import Places
from swarmkit.lab.hosts import LOOPBACK_NETWORK

pytestmark = [pytest.mark.lab, pytest.mark.nightly, pytest.mark.timeout(1200)]

BEFORE, LATER = "before the drill's backup", "after the drill's backup"
_CUSTOMERS = (
    "docker exec $(docker ps -q -f label=com.docker.swarm.service.name=shop_database)"
    " psql -tA shop -c 'select customer from orders'"
)
_HOST = """
docker ps -aq --no-trunc | sort | xargs -r docker inspect --format '{{.Id}} {{.State.StartedAt}}'
docker volume ls -q; systemctl show --property MainPID docker
"""


def live(lab: Lab) -> dict[str, object]:
    """Return whatever a rehearsal could have changed: objects with their versions, containers, volumes, engines."""
    return {**versions(lab), **{host: lab.run(host, _HOST) for host in "ABC"}}


class Rehearsal:
    """A run of ``rehearse``; the orders that its twin has when all is in, and how it ended."""

    def __init__(self, shop: Shop, *arguments: str | Path) -> None:
        self._state = shop.lab.state.parent / "rehearsal"
        command = [sys.executable, "-m", "swarmkit", "rehearse", "--yes", *map(str, arguments)]
        with subprocess.Popen(
            command, env=shop.lab.environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            assert process.stderr
            assert process.stdout
            self.told = []
            for line in process.stderr:
                self.told.append(line.rstrip())
                if line.startswith("converge"):
                    # The twin may be gone seconds later.
                    process.send_signal(signal.SIGSTOP)
                    try:
                        self.orders = self._orders()
                    finally:
                        process.send_signal(signal.SIGCONT)
            self.said = process.stdout.read()
        self.exit_code = process.returncode

    def _orders(self) -> list[str]:
        places = Places(state=self._state, cache=Places.from_environment().cache)
        call = room.ssh_command(places, room.host_status(places, "C"), [_CUSTOMERS])
        return subprocess.run(call, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()

    def assert_proved(self, how: str, made_at: str = r"\S+") -> None:
        """See that the report tells the time to recover, by phase too, and the data's age, and that no twin is left."""
        assert self.exit_code == 0, self.said + "\n".join(self.told)
        assert "3 pairs of hosts carry ESP" in self.said
        ended = rf"rehearsed: {how} and proved in \d+ s on 3 lab hosts, which booted in \d+ s; the twin is gone"
        assert re.search(ended, self.said), self.said
        assert re.search(rf"data of {made_at}, \d+ min old: what is newer would be lost", self.said), self.said
        assert re.search(r"^  verify +[\d.]+ s$", self.said, re.MULTILINE), self.said
        assert not self._state.exists()
        assert twins_processes(self._state) == []


def twins_processes(state: Path) -> list[str]:
    """Return the processes of this machine that have to do with the twin."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # It has ended meanwhile.
        if str(state) in words or any(f"{LOOPBACK_NETWORK}.{number}" in words for number in _NUMBERS):
            found.append(words)
    return found


def test_the_shop_is_rehearsed_from_its_backup_and_from_now_and_nothing_of_it_is_touched(
    deployed_shop: Shop, tmp_path: Path
) -> None:
    lab, images = deployed_shop.lab, ("--images", deployed_shop.images)
    key, backups = tmp_path / "passphrase", tmp_path / "backups"
    key.touch(mode=0o600)
    key.write_text("correct horse battery staple\n")
    backups.mkdir(mode=0o700)
    opened = ("--passphrase-file", key)
    order(deployed_shop.url, BEFORE)
    taken = lab.swarmkit("backup", "--yes", *deployed_shop.declared, "-o", backups, *opened)
    assert taken.returncode == 0, taken.stdout + taken.stderr
    (archive,) = backups.iterdir()
    shown = lab.swarmkit("backup", "verify", archive, *opened).stdout
    made_at = re.search(r"made (\S+): whole", shown)
    assert made_at, shown
    assert eventually(lambda: answers(deployed_shop), 180)
    order(deployed_shop.url, LATER)
    before = live(lab)

    inventory = ("-i", lab.inventory)
    restored = Rehearsal(deployed_shop, archive, *inventory, *images, *opened)
    restored.assert_proved("restored", re.escape(made_at[1]))
    assert BEFORE in restored.orders
    assert LATER not in restored.orders
    assert live(lab) == before

    rebuilt = Rehearsal(deployed_shop, "--live", *deployed_shop.declared, *images)
    rebuilt.assert_proved("rebuilt")
    assert {BEFORE, LATER} <= set(rebuilt.orders)
    assert live(lab) == before
    assert order(deployed_shop.url, "after the drills")["customer"] == "after the drills"
