"""Declared against live on real hosts: changes by hand are found, each by its code, and taken back by its remedy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lab.shop_lab import Shop

pytestmark = pytest.mark.lab

FILE = Path(__file__).parent / "apart_stack.yaml"
Findings = dict[tuple[str, str], dict[str, Any]]


@dataclass(frozen=True)
class Apart:
    """The stack of two networks beside the shop, on hosts of which B has a label more."""

    shop: Shop
    inventory: Path
    stack: Path

    def swarmkit(self, command: str, *more: str | Path) -> tuple[int, str]:
        declared = ("-i", self.inventory, "-f", self.stack, "--stack", "apart")
        done = self.shop.lab.swarmkit(command, *declared, *more)
        return done.returncode, done.stdout + done.stderr

    def up(self, *more: str) -> None:
        code, said = self.swarmkit("up", "--yes", "--images", self.shop.images, *more)
        assert code == 0, said

    def verify(self) -> tuple[int, Findings]:
        code, said = self.swarmkit("verify", "--json")
        found = json.loads(said[said.index("{") : said.rindex("}") + 1])["findings"]
        return code, {(finding["code"], finding["where"]): finding for finding in found}

    def docker(self, command: str) -> str:
        return self.shop.lab.run("A", f"docker {command}").strip()


@pytest.fixture
def apart(deployed_shop: Shop, tmp_path: Path) -> Iterator[Apart]:
    inventory = tmp_path / "inventory.yaml"
    text = deployed_shop.lab.inventory.read_text()
    inventory.write_text(text.replace("{role: backend}", "{role: backend, disk: ssd}"))
    made = Apart(deployed_shop, inventory, Path(shutil.copy(FILE, tmp_path / "apart.yaml")))
    made.up()
    try:
        yield made
    finally:
        made.shop.lab.swarmkit("down", "-i", inventory, "--stack", "apart", "--keep-swarm", "--confirm", "lab")


def wrong(found: Findings) -> set[tuple[str, str]]:
    """Return what is wrong but for ingress, which the shop has in clear, and what this machine cannot reach."""
    return {key for key, finding in found.items() if finding["severity"] != "ok" and key[0] not in ("V07", "V13")}


def test_changes_by_hand_are_found_and_each_remedy_takes_one_back(apart: Apart) -> None:
    code, steady = apart.verify()
    assert (code, wrong(steady)) == (0, set())
    assert steady["V18", "apart_front@A -> apart_inside"]["severity"] == "ok"
    assert steady["V18", "apart_inside@B -> apart_front"]["severity"] == "ok"
    assert steady["V05", "apart_front@A -> apart_middle"]["severity"] == "ok"
    assert steady["V05", "apart_middle@B -> apart_inside"]["severity"] == "ok"

    node = "$(docker node ls -q --filter name=B)"
    apart.docker(f"node update --label-rm disk {node}")
    apart.docker("node update --availability pause $(docker node ls -q --filter name=C)")
    apart.docker("service update --quiet --network-add apart_inner apart_front")
    apart.docker("service scale apart_middle=2")
    apart.docker("network create -d overlay --opt encrypted --label com.docker.stack.namespace=apart apart_extra")
    apart.shop.lab.run("A", "echo x | docker secret create --label com.docker.stack.namespace=apart apart_old -")

    code, found = apart.verify()
    assert code == 4
    assert "label disk is not there" in found["V01", "B"]["what"]
    assert "availability is pause" in found["V01", "C"]["what"]
    assert found["V18", "apart_front <-> apart_inside"]["evidence"] == "both are on apart_inner"
    assert found["V05", "apart_front@A -> apart_inside"]["severity"] == "ok"
    assert "Networks.apart_inner" in found["V20", "apart_front"]["evidence"]
    assert found["V20", "apart_middle"]["evidence"] == "Mode.Replicated.Replicas: live 2, declared 1"
    for leftover in ("apart_extra", "apart_old"):
        assert found["V23", leftover]["remedy"] == "swarmkit up --prune"
    assert {key for key in wrong(found) if key[0] != "V02"} == {
        ("V01", "B"),
        ("V01", "C"),
        ("V18", "apart_front <-> apart_inside"),
        ("V20", "apart_front"),
        ("V20", "apart_middle"),
        ("V23", "apart_extra"),
        ("V23", "apart_old"),
    }

    apart.up("--prune")
    code, healed = apart.verify()
    assert (code, wrong(healed)) == (0, set())
    assert healed["V18", "apart_front@A -> apart_inside"]["severity"] == "ok"
