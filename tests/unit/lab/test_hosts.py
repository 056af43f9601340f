"""Lab hosts follow from an inventory; known_hosts and kernel arguments follow from lab hosts."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmkit.cli.lab import lab_hosts
from swarmkit.errors import SwarmkitError
from swarmkit.lab import LabHost, Places, number_of
from swarmkit.lab.identity import merge_known_hosts
from swarmkit.lab.image.debian import choose_mirror
from swarmkit.lab.image.disk import recipe_key
from swarmkit.lab.machine import Boot, kernel_arguments
from swarmkit.lab.packages import all_packages

INVENTORY = """
managers:
  hosts:
    A: {ansible_host: 127.88.0.11, swarm_advertise_addr: 10.88.0.11, lab_memory: 2048}
workers:
  hosts:
    B: {ansible_host: 127.88.0.12, swarm_advertise_addr: 10.88.0.12, ansible_port: 2222, lab_engine: "20.10"}
    elsewhere: {ansible_host: 192.0.2.1}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "inventory.yaml"
    path.write_text(text)
    return path


def test_lab_hosts_are_those_with_a_lab_address(tmp_path: Path) -> None:
    assert lab_hosts(write(tmp_path, INVENTORY), None) == [
        LabHost("A", 11, memory_megabytes=2048),
        LabHost("B", 12, ssh_port=2222, engine="20.10"),
    ]


def test_engine_option_overrides_every_host(tmp_path: Path) -> None:
    assert {host.engine for host in lab_hosts(write(tmp_path, INVENTORY), "20.10")} == {"20.10"}


def test_unquoted_engine_is_understood(tmp_path: Path) -> None:
    assert lab_hosts(write(tmp_path, INVENTORY.replace('"20.10"', "20.10")), None)[1].engine == "20.10"


def test_inventory_without_lab_hosts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SwarmkitError, match="no host of the lab"):
        lab_hosts(write(tmp_path, "managers:\n  hosts:\n    A: {ansible_host: 192.0.2.1}\n"), None)


@pytest.mark.parametrize(
    ("address", "number"), [("127.88.0.7", 7), ("127.88.1.7", None), ("::1", None), ("host", None)]
)
def test_number_of(address: str, number: int | None) -> None:
    assert number_of(address) == number


@pytest.mark.parametrize(
    "values", [("../x", 1), ("", 1), ("A", 0), ("A", 254), ("A", 1, 22, "19.03"), ("A", 1, 22, "26.1", 100)]
)
def test_impossible_hosts_are_refused(values: tuple[object, ...]) -> None:
    with pytest.raises(SwarmkitError):
        LabHost(*values)  # type: ignore[arg-type]


def test_known_hosts_keeps_other_hosts_and_replaces_these() -> None:
    old = "127.88.0.11 ssh-ed25519 OLD\n127.88.0.9 ssh-ed25519 OTHER\n"
    keys = {LabHost("A", 11): "ssh-ed25519 NEW root@A\n", LabHost("B", 12, ssh_port=2222): "ssh-ed25519 KEY root@B\n"}
    assert merge_known_hosts(old, keys) == (
        "127.88.0.9 ssh-ed25519 OTHER\n127.88.0.11 ssh-ed25519 NEW\n[127.88.0.12]:2222 ssh-ed25519 KEY\n"
    )


def test_kernel_command_line_limits_the_guest_to_its_own_seed(tmp_path: Path) -> None:
    files = Places(tmp_path, tmp_path).host("A")
    arguments = kernel_arguments(Boot(LabHost("A", 11), files, Path("/base"), Path("/kernel")))
    assert f"hostfs={files.seed}" in arguments
    assert f"ubd0={files.disk},/base" in arguments
    assert "noreboot" in arguments


def test_machines_mirror_is_debians_own_archive() -> None:
    targets = (
        "Debian|Debian-Security|http://mirror.example/security/\nOther|Debian|http://mirror.example/o/\n"
        "Debian|Debian|http://mirror.example/debian/\n"
    )
    assert choose_mirror(targets) == ["http://mirror.example/debian/"]
    assert choose_mirror("Ubuntu|Ubuntu|http://mirror.example/ubuntu/\n") == []
    assert choose_mirror("") == []


def test_each_engine_has_its_own_recipe_key() -> None:
    assert recipe_key("26.1") != recipe_key("20.10")
    assert recipe_key("26.1") == recipe_key("26.1")


def test_relative_xdg_folders_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    places = Places.from_environment()
    assert places.state == Path.home() / ".local/state/swarmkit/lab"
    assert places.cache == Path("/somewhere/swarmkit/lab")


def test_packages_name_the_builder() -> None:
    assert {"mmdebstrap", "iproute2", "openssh-client", "e2fsprogs"} <= set(all_packages())
