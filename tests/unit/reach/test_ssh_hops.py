from dataclasses import replace
from pathlib import Path

import paramiko
import pytest

from swarmkit.declared.inventory.host import Host, Inventory, JumpHost
from swarmkit.errors import InputError
from swarmkit.reach.ssh_config import SshSettings, hops_to, parse_jumps, read_ssh_settings


def settings(config: str | None = None) -> SshSettings:
    return SshSettings(Path("known_hosts"), (), paramiko.SSHConfig.from_text(config) if config else None)


HOST = Host("A", "a.example", "manager")


def test_without_ssh_config_a_host_is_one_hop_as_the_inventory_says() -> None:
    (hop,) = hops_to(replace(HOST, port=2222, user="ops", key_file=Path("/k")), settings())
    assert (hop.name, hop.address, hop.port, hop.user, hop.key_files) == ("A", "a.example", 2222, "ops", (Path("/k"),))
    assert hop.keys.lookup == "[a.example]:2222"


def test_ssh_config_fills_in_what_the_inventory_leaves_out() -> None:
    (hop,) = hops_to(HOST, settings("Host a.example\n  HostName 10.0.0.1\n  User deploy\n  Port 2200\n"))
    assert (hop.address, hop.port, hop.user) == ("10.0.0.1", 2200, "deploy")


def test_the_inventory_wins_over_ssh_config() -> None:
    (hop,) = hops_to(replace(HOST, port=2222, user="ops"), settings("Host *\n  User deploy\n  Port 2200\n"))
    assert (hop.port, hop.user) == (2222, "ops")
    (hop,) = hops_to(replace(HOST, port=22), settings("Host *\n  Port 2200\n"))
    assert hop.port == 22


def test_a_port_that_the_inventory_does_not_name_is_ssh_configs_else_22() -> None:
    assert hops_to(HOST, settings("Host *\n  Port 2200\n"))[0].port == 2200
    assert hops_to(HOST, settings("Host *\n  User deploy\n"))[0].port == 22


def test_proxy_jump_gives_a_hop_for_each_part_in_order() -> None:
    hops = hops_to(HOST, settings("Host a.example\n  ProxyJump ops@one.example:2200,two.example\n"))
    assert [(hop.address, hop.port, hop.user) for hop in hops] == [
        ("one.example", 2200, "ops"),
        ("two.example", 22, None),
        ("a.example", 22, None),
    ]


def test_the_inventorys_jump_hosts_win_over_proxy_jump() -> None:
    hops = hops_to(
        replace(HOST, jumps=(JumpHost("bastion.example", user="j"),)),
        settings("Host a.example\n  ProxyJump other.example\nHost bastion.example\n  HostName 10.9.9.9\n"),
    )
    assert [(hop.address, hop.user) for hop in hops] == [("10.9.9.9", "j"), ("a.example", None)]


def test_a_proxy_command_is_refused_before_anything_is_contacted() -> None:
    with pytest.raises(InputError, match="ProxyCommand"):
        hops_to(HOST, settings("Host a.example\n  ProxyCommand nc %h %p\n"))


def test_a_host_key_alias_is_looked_up_instead_of_the_address() -> None:
    (hop,) = hops_to(HOST, settings("Host *\n  HostKeyAlias pinned\n"))
    assert hop.keys.lookup == "pinned"


@pytest.mark.parametrize("text", ["", "none"])
def test_no_jump_is_no_hop(text: str) -> None:
    assert parse_jumps(text) == ()


def test_a_jump_over_ipv6_keeps_its_address() -> None:
    assert parse_jumps("ops@fd00::1") == (JumpHost("fd00::1", None, "ops"),)


def test_an_ssh_config_that_cannot_be_read_is_bad_input(tmp_path: Path) -> None:
    inventory = Inventory(tmp_path / "i.yaml", "prod", (HOST,), ssh_config=tmp_path / "absent")
    with pytest.raises(InputError, match="swarm_ssh_config"):
        read_ssh_settings(inventory)
