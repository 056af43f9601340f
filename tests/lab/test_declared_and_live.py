"""Declared against live on real hosts: changes by hand are found, each by its code, and taken back by its remedy."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lab.bare_image import TCP_PORT, write_bare_image
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
    images: Path

    def swarmkit(self, command: str, *more: str | Path) -> tuple[int, str]:
        declared = ("-i", self.inventory, "-f", self.stack, "--stack", "apart")
        done = self.shop.lab.swarmkit(command, *declared, *more)
        return done.returncode, done.stdout + done.stderr

    def up(self, *more: str) -> None:
        code, said = self.swarmkit("up", "--yes", "--images", self.images, *more)
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
    images = tmp_path / "images"
    images.mkdir()
    for archive in ("shop-frontend.tar", "shop-backend.tar"):
        (images / archive).symlink_to(deployed_shop.images / archive)
    write_bare_image(images)
    (tmp_path / "key.txt").touch(mode=0o600)
    (tmp_path / "key.txt").write_text("first")
    made = Apart(deployed_shop, inventory, Path(shutil.copy(FILE, tmp_path / "apart.yaml")), images)
    made.up()
    try:
        yield made
    finally:
        made.shop.lab.swarmkit("down", "-i", inventory, "--stack", "apart", "--keep-swarm", "--confirm", "lab")


def wrong(found: Findings) -> set[tuple[str, str]]:
    """Return what is wrong but for ingress, which the shop has in clear, and what this machine cannot reach."""
    return {key for key, finding in found.items() if finding["severity"] != "ok" and key[0] not in ("V07", "V13")}


@contextmanager
def declared_otherwise(apart: Apart) -> Iterator[None]:
    """Declare a newer content of the secret, and for a while an option of a network that it was not made with."""
    text = apart.stack.read_text()
    (apart.stack.parent / "key.txt").write_text("second")
    option = 'inner: {driver_opts: {com.docker.network.driver.mtu: "1300"}}'
    apart.stack.write_text(text.replace("inner: {}", option))
    try:
        yield
    finally:
        apart.stack.write_text(text)


def new_version(found: Findings) -> str:
    """Check what is told of the newer secret and of the network's option, and return the secret's new name."""
    (version,) = (where for code, where in wrong(found) if code == "V20" and where.startswith("apart_key-"))
    secret, service, network = (found["V20", where] for where in (version, "apart_inside", "apart_inner"))
    assert secret["what"].startswith(f"secret {version} is declared and not so: ")
    assert f"declared {version}" in service["evidence"]
    assert secret["remedy"] == service["remedy"] == "swarmkit up"
    assert network["evidence"] == "B45: Options.com.docker.network.driver.mtu: live (none), declared 1300"
    assert network["remedy"].startswith("make it anew under its services: swarmkit up --recreate-networks; or first")
    return version


def proved_without_a_shell(apart: Apart, found: Findings) -> None:
    """Check that bare, whose image has one file, was probed from and to like all others, and its UDP port looked at."""
    shell = "docker exec $(docker ps -q -f name=apart_bare) /bin/sh -c true"
    assert "no such file" in apart.shop.lab.run("C", f"{shell} 2>&1 && echo a shell || true")
    for code in ("V04", "V05", "V17"):
        assert found[code, "apart_bare@C -> apart_middle"]["severity"] == "ok"
        assert found[code, "apart_middle@B -> apart_bare"]["severity"] == "ok"
    assert f":{TCP_PORT} (VIP)" in found["V05", "apart_middle@B -> apart_bare"]["evidence"]
    assert found["V18", "apart_bare@C -> apart_front"]["severity"] == "ok"
    for host in "ABC":
        assert found["V06", f"apart_bare:5354/udp at {host}"]["severity"] == "ok"


WAY_INTO_INNER = """
network=$(docker network inspect --format '{{.Id}}' apart_inner)
namespace=$(echo /run/docker/netns/*-${network:0:9}*)
ip link add way0 type veth peer name way1
ip link set way1 netns "$namespace"
nsenter --net="$namespace" ip link set way1 master br0 up
ip link set way0 up
ip address add ADDRESS dev way0
for end in -i -o; do iptables -w -I FORWARD $end way0 -j ACCEPT; done
iptables -w -t nat -I POSTROUTING -o way0 -j MASQUERADE
"""
"""A cable from B into its end of the network, open to what B forwards."""
NO_WAY = (
    "ip link del way0; for end in -i -o; do iptables -w -D FORWARD $end way0 -j ACCEPT; done; "
    "iptables -w -t nat -D POSTROUTING -o way0 -j MASQUERADE"
)


def a_way_past_isolation(apart: Apart) -> None:
    """Check that a route of A's by B into a network that A's containers are not on is told, and shown by its remedy."""
    lab = apart.shop.lab
    subnet = apart.docker("network inspect --format '{{(index .IPAM.Config 0).Subnet}}' apart_inner")
    own = f"{subnet.rpartition('.')[0]}.250/{subnet.partition('/')[2]}"
    lab.run("B", f"bash -ec {shlex.quote(WAY_INTO_INNER.replace('ADDRESS', own))}")
    try:
        lab.run("A", f"ip route add {subnet} via 10.88.0.32")
        code, found = apart.verify()
        shown = lab.run(
            "A", found["V18", "apart_front@A -> apart_inside"]["remedy"].partition(": ")[2].partition(", ")[0]
        )
        lab.run("A", f"ip route del {subnet}")
    finally:
        lab.run("B", NO_WAY)
    assert code == 4
    assert f"{subnet} via 10.88.0.32" in shown
    told = {where for code, where in wrong(found) if code == "V18"}
    assert told == {"apart_front@A -> apart_inside", "apart_front@A -> apart_bare"}
    assert {("V24", "host A -> apart_inside"), ("V24", "host B -> apart_inside")} <= wrong(found)
    assert found["V18", "apart_inside@B -> apart_front"]["severity"] == "ok"


@pytest.mark.nightly
def test_changes_by_hand_are_found_and_each_remedy_takes_one_back(apart: Apart) -> None:
    code, steady = apart.verify()
    assert (code, wrong(steady)) == (0, set())
    assert steady["V18", "apart_front@A -> apart_inside"]["severity"] == "ok"
    assert steady["V18", "apart_inside@B -> apart_front"]["severity"] == "ok"
    assert steady["V05", "apart_front@A -> apart_middle"]["severity"] == "ok"
    assert steady["V05", "apart_middle@B -> apart_inside"]["severity"] == "ok"
    proved_without_a_shell(apart, steady)
    a_way_past_isolation(apart)

    node = "$(docker node ls -q --filter name=B)"
    apart.docker(f"node update --label-rm disk {node}")
    apart.docker("node update --availability pause $(docker node ls -q --filter name=C)")
    apart.docker("service update --quiet --network-add apart_inner apart_front")
    apart.docker("service scale apart_middle=2")
    apart.docker("network create -d overlay --opt encrypted --label com.docker.stack.namespace=apart apart_extra")
    # Not there while a busy C is missed by B's gossip for a moment: its task counts as gone.
    find = "for n in $(seq 60); do iptables -w -t nat -S DOCKER-INGRESS | grep udp && break; sleep 0.5; done"
    rule = apart.shop.lab.run("B", find).strip().removeprefix("-A ")
    assert rule
    apart.shop.lab.run("B", f"iptables -w -t nat -D {rule}")
    apart.shop.lab.run("A", "echo x | docker secret create --label com.docker.stack.namespace=apart apart_old -")
    # Neither is of this stack, whatever their names begin with; the first is of one that has no service.
    apart.shop.lab.run("A", "echo x | docker secret create --label com.docker.stack.namespace=apart_b apart_b_old -")
    apart.shop.lab.run("A", "echo x | docker secret create apart_by_hand -")

    with declared_otherwise(apart):
        code, found = apart.verify()
    assert code == 4
    version = new_version(found)
    assert "label disk is not there" in found["V01", "B"]["what"]
    assert "availability is pause" in found["V01", "C"]["what"]
    assert found["V18", "apart_front <-> apart_inside"]["evidence"] == "both are on apart_inner"
    assert found["V05", "apart_front@A -> apart_inside"]["severity"] == "ok"
    assert "Networks.apart_inner" in found["V20", "apart_front"]["evidence"]
    assert found["V20", "apart_middle"]["evidence"] == "Mode.Replicated.Replicas: live 2, declared 1"
    for leftover in ("apart_extra", "apart_old"):
        assert found["V23", leftover]["remedy"] == "swarmkit up --prune"
    assert found["V23", "apart_b_old"]["remedy"] != "swarmkit up --prune"
    assert {key for key in wrong(found) if key[0] != "V02"} == {
        ("V01", "B"),
        ("V01", "C"),
        ("V18", "apart_front <-> apart_inside"),
        ("V18", "apart_bare <-> apart_front"),
        ("V06", "apart_bare:5354/udp at B"),
        ("V20", "apart_front"),
        ("V20", "apart_middle"),
        ("V20", "apart_inner"),
        ("V20", "apart_inside"),
        ("V20", version),
        ("V23", "apart_extra"),
        ("V23", "apart_old"),
        ("V23", "apart_b_old"),
    }

    apart.shop.lab.run("B", f"iptables -w -t nat -I {rule}")
    apart.up("--prune")
    secrets = apart.docker("secret ls --format '{{.Name}}'").split()
    ours = [name for name in secrets if name.startswith("apart_")]
    assert [name for name in ours if not name.startswith("apart_key-")] == ["apart_b_old", "apart_by_hand"]
    assert version in ours, "its remedy, which is up, has made it"
    apart.docker("secret rm apart_b_old apart_by_hand")
    code, healed = apart.verify()
    assert (code, wrong(healed)) == (0, set())
    assert healed["V18", "apart_front@A -> apart_inside"]["severity"] == "ok"


ORPHAN = (
    "docker run -d --name orphan --network none --entrypoint /bin/busybox "
    "--label com.docker.swarm.service.id=gone --label com.docker.swarm.service.name=shop_gone "
    "shop-frontend:1.0 sleep 600"
)


def leftovers(shop: Shop) -> dict[str, dict[str, Any]]:
    """Return what is left over, by what the remedy names."""
    said = shop.lab.swarmkit("verify", *shop.declared, "--json")
    assert said.returncode == 0, said.stdout + said.stderr
    found = [one for one in json.loads(said.stdout)["findings"] if one["code"] == "V23" and one["severity"] != "ok"]
    return {one["remedy"].split()[-1]: one for one in found}


def test_what_lies_about_on_hosts_is_told_and_each_remedy_takes_it_away(deployed_shop: Shop) -> None:
    lab = deployed_shop.lab
    assert leftovers(deployed_shop) == {}
    lab.run("A", ORPHAN)
    lab.run("A", "docker network create -d overlay dangling")
    lab.run("C", "docker volume create --label com.docker.stack.namespace=shop shop_old")
    found = leftovers(deployed_shop)
    told = {name: (one["severity"], one["where"], one["what"], one["remedy"]) for name, one in found.items()}
    assert told == {
        "orphan": (
            *("warning", "A", "container orphan runs on A, and its service shop_gone is no more"),
            "on A: docker rm -f orphan",
        ),
        "dangling": (
            *("warning", "dangling", "nothing is on the overlay network dangling, which is of no stack"),
            "only if nobody means to use it: on A: docker network rm dangling",
        ),
        "shop_old": (
            *("warning", "C", "volume shop_old of the stack shop is on C and not in the stack file"),
            "only if its data is not needed: on C: docker volume rm shop_old",
        ),
    }
    for _, _, _, remedy in told.values():
        host, _, command = remedy.rpartition("on ")[2].partition(": ")
        lab.run(host, command)
    assert leftovers(deployed_shop) == {}
