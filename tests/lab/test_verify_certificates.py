"""Certificates of a running swarm that nobody renewed: steady state, fault, verdict, its remedy applied, steady."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from lab.spare_lab import SpareLab

pytestmark = pytest.mark.lab


@pytest.fixture
def inventory(spare_lab: SpareLab, tmp_path: Path) -> Iterator[Path]:
    """The inventory of a swarm whose own certificate is hours old: by an earlier clock it would not be valid."""
    path = tmp_path / "inventory.yaml"
    path.write_text(spare_lab.inventory("dated"))
    try:
        with slow_clocks(spare_lab, "3 hours"):
            spare_lab.swarmkit("up", "--yes", "-i", str(path), "--no-verify")
        yield path
    finally:
        for host in "YX":
            spare_lab.leave_swarm(host)


@contextmanager
def slow_clocks(lab: SpareLab, by: str) -> Iterator[None]:
    for host in "XY":
        lab.run(host, f"date -s '-{by}'")
    try:
        yield
    finally:
        for host in "XY":
            lab.run(host, f"date -s '+{by}'")


def told(lab: SpareLab, inventory: Path) -> list[dict[str, Any]]:
    """Return what verify has against the swarm, warnings too."""
    said = lab.swarmkit("verify", "--json", "-i", str(inventory), check=False)
    assert said.returncode in (0, 4), said.stdout + said.stderr
    return [finding for finding in json.loads(said.stdout)["findings"] if finding["severity"] != "ok"]


def test_certificates_that_were_not_renewed_when_due_are_found_and_the_rotation_makes_them_anew(
    spare_lab: SpareLab, inventory: Path
) -> None:
    assert told(spare_lab, inventory) == []
    with slow_clocks(spare_lab, "100 minutes"):
        # Valid for three hours, of which 20 minutes are left by the right time; by their own clocks, which count on
        # from here, the engines renew them in half an hour at the earliest.
        spare_lab.run("X", "docker swarm update --cert-expiry 2h0m && docker swarm ca --rotate --quiet")
    spare_lab.run("X", "docker swarm update --cert-expiry 2160h0m")
    found = {finding["where"]: finding for finding in told(spare_lab, inventory)}
    assert found.keys() == {"X", "Y"}, found
    for host, finding in found.items():
        assert (finding["code"], finding["severity"]) == ("V22", "warning")
        assert finding["what"].startswith(f"the swarm certificate of {host} ends ")
        assert finding["what"].endswith(" and was not renewed when it was due")
        reach, _, remedy = finding["remedy"].partition(", then: ")
        assert (reach, remedy) == (f"see that {host} reaches a manager's port 2377", "swarmkit rotate ca")
    spare_lab.swarmkit("rotate", "ca", "--yes", "-i", str(inventory))
    assert told(spare_lab, inventory) == []
