"""The right to become root goes in the middle of an update: the run ends, and goes on when it is given back."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml
from faults.invariants import check, record
from faults.world import INVENTORY, World, witness

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800), pytest.mark.nightly]
Note = dict[str, object]


def by_sudo(folder: Path) -> Path:
    """Write the inventory in which T is reached as a user who is root by sudo."""
    written = yaml.safe_load(INVENTORY.read_text())
    host = written["all"]["children"]["managers"]["hosts"]["T"]
    host |= {"ansible_user": "deploy", "ansible_become": True}
    path = folder / "by-sudo.yaml"
    path.write_text(yaml.safe_dump(written))
    return path


def test_f24_an_update_whose_right_to_sudo_was_revoked_is_made_when_it_is_back(
    shop: World, tmp_path: Path, note: Note
) -> None:
    before, inventory = record(shop), by_sudo(tmp_path)
    with witness("f24s", tmp_path) as seen:
        shop.note = "f24s"
        run = shop.start("--timeout", "40", inventory=inventory)
        run.lines(1)
        shop.lab.run("T", "mv /etc/sudoers.d/lab /root/sudoers")
        try:
            first = shop.finish(run)
            refused = shop.finish(shop.start(inventory=inventory))
        finally:
            shop.lab.run("T", "mv /root/sudoers /etc/sudoers.d/lab")
        given_back = time.time()
        assert first.returncode in (0, 1, 3, 4), first.stderr
        assert refused.returncode == 3, refused.stdout + refused.stderr
        assert "T" in refused.stderr
        assert "sudo" in refused.stderr
        seconds = shop.recovered(given_back)
        seen.wait_for_order()
        check(shop, before, seen)
    note |= {
        "fault": "F24S",
        "phase": f"update; first run ended with {first.returncode}",
        "recovered": seconds,
        "silence": seen.longest_silence(),
    }
