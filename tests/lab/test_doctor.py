"""The doctor on real hosts: steady state, fault, verdict, the remedy it names applied, steady state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab.spare_lab import SpareLab

pytestmark = pytest.mark.lab

INVENTORY = """
all:
  vars:
    ansible_user: root
    ansible_ssh_private_key_file: {state}/id_ed25519
    swarm_known_hosts: {state}/known_hosts
    swarm_cluster: doctored
    swarm_address_pools: [10.20.0.0/16]
  children:
    managers:
      hosts:
        X: {{ansible_host: 127.88.0.34, swarm_advertise_addr: 10.88.0.34}}
    workers:
      hosts:
        Y: {{ansible_host: 127.88.0.35, ansible_port: 2222, swarm_advertise_addr: 10.88.0.35}}
"""


@pytest.fixture(scope="module")
def inventory(spare_lab: SpareLab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("doctor") / "inventory.yaml"
    path.write_text(INVENTORY.format(state=spare_lab.places.state))
    return path


@pytest.fixture(autouse=True)
def steady(spare_lab: SpareLab, inventory: Path) -> Iterator[None]:
    assert findings(spare_lab, inventory) == []
    yield
    assert findings(spare_lab, inventory) == []


def findings(lab: SpareLab, inventory: Path, *more: str) -> list[dict[str, Any]]:
    said = lab.swarmkit("doctor", "--json", "-i", str(inventory), *more, check=False)
    assert said.returncode in (0, 4), said.stderr
    found: list[dict[str, Any]] = json.loads(said.stdout)["findings"]
    assert (said.returncode == 4) == any(finding["severity"] == "error" for finding in found)
    return found


def the_one(lab: SpareLab, inventory: Path, code: str) -> dict[str, Any]:
    found = findings(lab, inventory)
    assert [finding["code"] for finding in found] == [code], found
    return found[0]


@pytest.mark.parametrize(
    ("rule", "host", "code", "kind"),
    [
        ("-p esp", "Y", "H06", "IP protocol 50"),
        ("-p esp", "X", "H06", "IP protocol 50"),
        ("-p udp --dport 4789", "Y", "H07", "udp/4789"),
        ("-p udp --dport 7946", "X", "H07", "udp/7946"),
        ("-p tcp --dport 7946", "Y", "H07", "tcp/7946"),
        ("-p tcp --dport 2377", "X", "H07", "tcp/2377"),
    ],
)
def test_what_a_firewall_drops_is_named_with_the_rule_that_lets_it_in(
    spare_lab: SpareLab, inventory: Path, rule: str, host: str, code: str, kind: str
) -> None:
    other = "Y" if host == "X" else "X"
    spare_lab.run(host, f"iptables -A INPUT {rule} -j DROP")
    try:
        finding = the_one(spare_lab, inventory, code)
        assert finding["where"] == f"{other} -> {host}"
        assert kind in finding["what"]
        remedy = next(line for line in finding["remedy"].splitlines() if line.startswith("iptables -I"))
        spare_lab.run(host, remedy)
        assert findings(spare_lab, inventory) == []
        spare_lab.run(host, remedy.replace("-I", "-D", 1))
    finally:
        spare_lab.run(host, f"iptables -D INPUT {rule} -j DROP")


def test_a_smaller_link_on_one_host_is_found_and_its_remedy_works(spare_lab: SpareLab, inventory: Path) -> None:
    spare_lab.run("Y", "ip link set dev vec0 mtu 1400")
    try:
        found = {finding["code"]: finding for finding in findings(spare_lab, inventory)}
        assert {"H13", "H11"} <= found.keys()
        assert "Y: 1400" in found["H13"]["evidence"]
        assert "mtu 1400" in found["H13"]["remedy"]
    finally:
        spare_lab.run("Y", "ip link set dev vec0 mtu 1500")


def test_a_path_that_loses_full_frames_is_found(spare_lab: SpareLab, inventory: Path) -> None:
    spare_lab.run("Y", "iptables -A INPUT -p udp -m length --length 1451: -j DROP")
    try:
        assert the_one(spare_lab, inventory, "H11")["where"] == "X -> Y"
    finally:
        spare_lab.run("Y", "iptables -D INPUT -p udp -m length --length 1451: -j DROP")


def test_a_clock_two_hours_off_is_found(spare_lab: SpareLab, inventory: Path) -> None:
    spare_lab.run("Y", "date -s '+2 hours'")
    try:
        # Of two clocks neither is the median: both are told, with how far they are from it.
        found = findings(spare_lab, inventory)
        assert {finding["code"] for finding in found} == {"H34"}
        assert any(finding["where"] == "Y" and "+3600 s" in finding["what"] for finding in found)
    finally:
        spare_lab.run("Y", "date -s '-2 hours'")


def test_a_clone_s_machine_id_is_found(spare_lab: SpareLab, inventory: Path) -> None:
    own = spare_lab.run("Y", "cat /etc/machine-id").stdout.strip()
    other = spare_lab.run("X", "cat /etc/machine-id").stdout.strip()
    spare_lab.run("Y", f"echo {other} >/etc/machine-id")
    try:
        finding = the_one(spare_lab, inventory, "H36")
        assert finding["where"] == "X, Y"
        assert finding["evidence"] == other
    finally:
        spare_lab.run("Y", f"echo {own} >/etc/machine-id")


def test_a_route_into_the_pool_is_found_and_up_refuses(spare_lab: SpareLab, inventory: Path) -> None:
    spare_lab.run("Y", "ip route add 10.20.7.0/24 via 10.88.0.34")
    try:
        assert "H28" in {finding["code"] for finding in findings(spare_lab, inventory)}
        refused = spare_lab.swarmkit("up", "--yes", "-i", str(inventory), check=False)
        assert refused.returncode == 1
        assert "10.20.7.0/24" in refused.stderr
    finally:
        spare_lab.run("Y", "ip route del 10.20.7.0/24")


@pytest.mark.parametrize(("module", "code"), [("esp4", "H04"), ("xt_bpf", "H04"), ("ip_vs", "H20"), ("vxlan", "H04")])
def test_a_kernel_without_a_module_is_found(spare_lab: SpareLab, inventory: Path, module: str, code: str) -> None:
    forbidden = f"/etc/modprobe.d/without-{module}.conf"
    spare_lab.run("Y", f"modprobe -r {module} && echo 'install {module} /bin/false' >{forbidden}")
    try:
        found = findings(spare_lab, inventory)
        assert {(finding["code"], finding["where"]) for finding in found} == {(code, "Y")}
        assert all("modprobe" in finding["remedy"] for finding in found)
    finally:
        spare_lab.run("Y", f"rm {forbidden}; modprobe {module}")


def test_up_refuses_what_the_doctor_finds_and_goes_on_only_by_its_code(spare_lab: SpareLab, inventory: Path) -> None:
    spare_lab.run("Y", "iptables -A INPUT -p esp -j DROP")
    state = "docker info --format '{{.Swarm.LocalNodeState}}'"
    try:
        refused = spare_lab.swarmkit("up", "--yes", "-i", str(inventory), check=False)
        assert refused.returncode == 1
        assert "H06" in refused.stderr
        assert spare_lab.run("X", state).stdout.strip() == "inactive"
        other = spare_lab.swarmkit("up", "--yes", "-i", str(inventory), "--override", "H07", check=False)
        assert other.returncode == 1
        told = spare_lab.swarmkit("up", "--yes", "-i", str(inventory), "--override", "H06", "--no-verify")
        assert "overridden by --override H06" in told.stdout + told.stderr
        assert spare_lab.run("Y", state).stdout.strip() == "active"
    finally:
        spare_lab.run("Y", "iptables -D INPUT -p esp -j DROP")
        spare_lab.leave_swarm("Y")
        spare_lab.leave_swarm("X")


def test_a_certificate_that_is_not_due_is_no_finding(spare_lab: SpareLab, inventory: Path) -> None:
    spare_lab.run("X", "docker swarm init --advertise-addr 10.88.0.34 --cert-expiry 1h0m")
    try:
        # The certificate is backdated by an hour and ends in one; nothing is due yet.
        assert [finding["code"] for finding in findings(spare_lab, inventory, "--only", "H35")] == []
    finally:
        spare_lab.leave_swarm("X")
