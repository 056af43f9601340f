"""The routing mesh over a narrow link, on real hosts: found, and the remedy it names makes ingress anew with an MTU."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from lab.bare_image import TCP_PORT, write_bare_image
from lab.spare_lab import ENGINES, SpareLab

pytestmark = [pytest.mark.lab, pytest.mark.nightly]

SECONDS = 120
"""Names and VIPs go round within half a minute of an engine's restart."""
STACK = f"""
services:
  bare:
    image: bare:1.0
    ports: ["{TCP_PORT}:{TCP_PORT}"]
    deploy: {{placement: {{constraints: [node.role == manager]}}}}
"""
TOLD = re.compile(r"on X: (?P<anew>.+); on every other node, one after the other: (?P<restart>.+); then swarmkit up, ")


def wrong(lab: SpareLab, declared: tuple[str, ...]) -> list[dict[str, Any]]:
    said = lab.swarmkit("verify", "--json", *declared, check=False)
    assert said.returncode in (0, 4), said.stdout + said.stderr
    return [finding for finding in json.loads(said.stdout)["findings"] if finding["severity"] == "error"]


@ENGINES
def test_an_ingress_too_large_for_a_link_is_found_and_made_anew_as_its_remedy_says(
    spare_lab: SpareLab, tmp_path: Path
) -> None:
    inventory, stack, images = tmp_path / "inventory.yaml", tmp_path / "mesh.yaml", tmp_path / "images"
    inventory.write_text(spare_lab.inventory("meshed"))
    stack.write_text(STACK)
    images.mkdir()
    write_bare_image(images)
    declared = ("-i", str(inventory), "-f", str(stack))
    up = ("up", "--yes", *declared, "--images", str(images))
    try:
        spare_lab.swarmkit(*up)
        assert wrong(spare_lab, declared) == []
        spare_lab.run("Y", "ip link set dev vec0 mtu 1400")
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + SECONDS
        while not found and time.monotonic() < deadline:
            found = wrong(spare_lab, declared)
        assert [(one["code"], one["where"]) for one in found] == [("V17", "ingress@Y -> mesh_bare")]
        assert "packets of full size do not" in found[0]["what"]
        remedy = found[0]["remedy"]
        told = TOLD.search(remedy)
        assert told, remedy
        spare_lab.run("X", told["anew"].replace("=MTU", "=1400"))
        spare_lab.run("Y", told["restart"])
        spare_lab.swarmkit(*up)
        assert wrong(spare_lab, declared) == []
        assert "1400" in spare_lab.run("X", "docker network inspect -f '{{.Options}}' ingress").stdout
    finally:
        spare_lab.run("Y", "ip link set dev vec0 mtu 1500")
        for host in "YX":
            spare_lab.leave_swarm(host)
            # An engine that has left goes on listening on 7946 for a while, which is D10.
            spare_lab.run(host, "systemctl restart docker")
