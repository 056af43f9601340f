"""What an operator's inventory becomes, and that Ansible's rules hold in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from swarmkit.declared.inventory.host import Host, Inventory, JumpHost
from swarmkit.declared.inventory.reading import load_inventory
from swarmkit.declared.inventory.variable_names import CLUSTER_KEYS, HOST_KEYS
from swarmkit.secret import Secret

ROOT = Path(__file__).parents[3]


def load(tmp_path: Path, text: str, **options: bool) -> Inventory:
    path = tmp_path / "hosts.yaml"
    path.write_text(text)
    return load_inventory(path, check_files=False, **options)


def one_host(tmp_path: Path, variables: str) -> Host:
    return load(tmp_path, f"managers:\n  hosts:\n    a:\n      ansible_host: 10.0.0.1\n      {variables}\n").hosts[0]


def test_the_example_loads_and_shows_every_key() -> None:
    example = ROOT / "inventories" / "example.yaml"
    inventory = load_inventory(example, check_files=False)
    assert [(host.name, host.role) for host in inventory.hosts] == [("A", "manager"), ("B", "worker"), ("C", "worker")]
    assert inventory.cluster == "shop"
    assert inventory.hosts[1].labels == {"tier": "backend"}
    text = example.read_text()
    assert all(key in text for key in HOST_KEYS + CLUSTER_KEYS)


def test_the_example_loads_with_every_comment_taken_away(tmp_path: Path) -> None:
    text = (ROOT / "inventories" / "example.yaml").read_text()
    lines = [
        line.replace("# ", "", 1) if line.lstrip().startswith(("# swarm_", "# ansible_")) else line
        for line in text.splitlines()
    ]
    lines = [line for line in lines if "SHA256:" not in line]
    inventory = load(tmp_path, "\n".join(lines))
    assert inventory.address_pools == ("10.20.0.0/16",)
    assert inventory.hosts[0].jumps == (JumpHost("bastion.example.com", 22, "ops"),)
    assert inventory.known_hosts is not None


def test_every_inventory_of_the_repository_loads() -> None:
    for path in sorted((ROOT / "inventories").glob("*.yaml")):
        assert load_inventory(path, check_files=False).managers


def test_precedence_is_all_then_parent_then_child_then_host(tmp_path: Path) -> None:
    inventory = load(
        tmp_path,
        """
all:
  vars: {ansible_user: from_all, ansible_port: 1, tier: all}
  children:
    site:
      vars: {ansible_user: from_parent, ansible_port: 2}
      children:
        managers:
          vars: {ansible_user: from_child}
          hosts:
            a:
            b: {ansible_user: from_host}
            c:
""",
    )
    assert [host.user for host in inventory.hosts] == ["from_child", "from_host", "from_child"]
    assert {host.port for host in inventory.hosts} == {2}
    assert inventory.hosts[0].variables["tier"] == "all"


def test_equally_deep_groups_are_merged_by_priority_then_name(tmp_path: Path) -> None:
    text = """
managers: {hosts: {a: {}}}
x: {hosts: {a: {}}, vars: {one: x, two: x, ansible_group_priority: 10}}
z: {hosts: {a: {}}, vars: {one: z, three: z}}
y: {hosts: {a: {}}, vars: {one: y, three: y}}
"""
    variables = load(tmp_path, text).hosts[0].variables
    assert (variables["one"], variables["three"]) == ("x", "z")


def test_ranges_become_hosts_in_order(tmp_path: Path) -> None:
    text = "managers: {hosts: {m1: {}}}\nworkers: {hosts: {'web[08:10]': {}, 'db[a:c:2]': {}, 'n1:2222': {}}}"
    inventory = load(tmp_path, text)
    assert [host.name for host in inventory.hosts] == ["m1", "web08", "web09", "web10", "dba", "dbc", "n1"]
    assert inventory.host("n1").port == 2222


def test_other_group_names_of_ansible_roles_are_taken(tmp_path: Path) -> None:
    text = "docker_swarm_manager: {hosts: {a: {}}}\ndocker_swarm_worker: {hosts: {b: {}}}"
    assert [host.role for host in load(tmp_path, text).hosts] == ["manager", "worker"]


def test_a_host_outside_both_groups_is_left_out_with_a_warning(tmp_path: Path) -> None:
    inventory = load(tmp_path, "managers: {hosts: {a: {}}}\nmonitoring: {hosts: {m: {}}}")
    assert [host.name for host in inventory.hosts] == ["a"]
    assert "'m' is neither" in inventory.warnings[0].what


@pytest.mark.parametrize(
    "text",
    [
        "managers: {hosts: {a: {}}}\nworkers: {hosts: {b: {swarm_state: absent}}}",
        "managers: {hosts: {a: {}, b: {swarm_state: absent}}}",
        "managers: {hosts: {a: {swarm_state: present}}}\nleaving: {hosts: {b: {}}, vars: {swarm_state: absent}}",
    ],
)
def test_a_host_that_shall_be_absent_is_none_of_the_swarms_hosts(tmp_path: Path, text: str) -> None:
    inventory = load(tmp_path, text)
    assert [[host.name for host in hosts] for hosts in (inventory.hosts, inventory.leaving)] == [["a"], ["b"]]
    assert inventory.warnings == ()
    assert [host.name for host in inventory.with_leaving.hosts] == ["a", "b"]


def listing(**hostvars: dict[str, Any]) -> str:
    groups = {
        "all": {"children": ["ungrouped", "managers", "workers"]},
        "managers": {"hosts": ["a"]},
        "workers": {"hosts": ["b"], "vars": {"swarm_availability": "drain"}},
    }
    return json.dumps({"_meta": {"hostvars": hostvars}, **groups})


def test_the_listing_of_ansible_inventory_is_taken(tmp_path: Path) -> None:
    inventory = load(
        tmp_path, listing(a={"ansible_host": "10.0.0.1"}, b={"ansible_host": "10.0.0.2", "ansible_port": 23})
    )
    assert [(host.address, host.port, host.availability) for host in inventory.hosts] == [
        ("10.0.0.1", None, "active"),
        ("10.0.0.2", 23, "drain"),
    ]


@pytest.mark.parametrize(
    ("written", "jumps"),
    [
        ("swarm_jump: ops@gate:2200", (JumpHost("gate", 2200, "ops"),)),
        ("swarm_jump: a@one,two:23", (JumpHost("one", None, "a"), JumpHost("two", 23))),
        ("swarm_jump: [a@one, 'two:23']", (JumpHost("one", None, "a"), JumpHost("two", 23))),
        ("swarm_jump: 'ops@[2001:db8::1]:23'", (JumpHost("2001:db8::1", 23, "ops"),)),
        ("ansible_ssh_common_args: -J ops@gate", (JumpHost("gate", None, "ops"),)),
        ("ansible_ssh_extra_args: -o ProxyJump=ops@gate -o ControlMaster=auto -C", (JumpHost("gate", None, "ops"),)),
        ("ansible_ssh_common_args: '-o StrictHostKeyChecking=yes'", ()),
        ("ansible_ssh_common_args: ''", ()),
    ],
)
def test_jump_hosts(tmp_path: Path, written: str, jumps: tuple[JumpHost, ...]) -> None:
    assert one_host(tmp_path, written).jumps == jumps


def test_labels_come_from_a_map_or_a_list(tmp_path: Path) -> None:
    assert one_host(tmp_path, "swarm_labels: {tier: db, ssd: true, rack: 07}").labels == {
        "tier": "db",
        "ssd": "true",
        "rack": "07",
    }
    assert one_host(tmp_path, "swarm_labels: [tier=db, ssd]").labels == {"tier": "db", "ssd": ""}


def test_yes_and_no_mean_what_they_mean_to_ansible(tmp_path: Path) -> None:
    assert one_host(tmp_path, "ansible_become: yes").become is True
    assert one_host(tmp_path, "ansible_become: 'no'").become is False


def test_paths_are_expanded_from_home_environment_and_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/op")
    monkeypatch.delenv("STATE", raising=False)
    key = "ansible_ssh_private_key_file"
    assert one_host(tmp_path, f"{key}: ~/.ssh/k").key_file == Path("/home/op/.ssh/k")
    assert one_host(tmp_path, f"{key}: '${{STATE:-~/.local/state}}/k'").key_file == Path("/home/op/.local/state/k")
    monkeypatch.setenv("STATE", "/srv")
    assert one_host(tmp_path, f"{key}: '${{STATE:-~/x}}/k'").key_file == Path("/srv/k")
    assert one_host(tmp_path, f"{key}: keys/k").key_file == tmp_path / "keys/k"


def test_what_is_named_like_a_secret_comes_as_one(tmp_path: Path) -> None:
    host = one_host(tmp_path, "db_password: hunter2\n      nested: {api_key: hunter2}")
    assert host.variables["db_password"] == Secret(b"hunter2")
    assert "hunter2" not in repr(host)


def test_an_unrelated_vaulted_variable_does_not_matter(tmp_path: Path) -> None:
    host = one_host(tmp_path, "other: !vault |\n        $ANSIBLE_VAULT;1.1;AES256\n        6162")
    assert isinstance(host.variables["other"], Secret)


def test_the_cluster_is_named_after_the_file_unless_named(tmp_path: Path) -> None:
    assert load(tmp_path, "managers: {hosts: {a: {}}}").cluster == "hosts"


def test_even_managers_are_taken_when_allowed(tmp_path: Path) -> None:
    inventory = load(tmp_path, "managers: {hosts: {a: {}, b: {}}}", allow_even_managers=True)
    assert len(inventory.managers) == 2


def test_each_host_knows_its_line(tmp_path: Path) -> None:
    inventory = load(tmp_path, "managers:\n  hosts:\n    a:\n      ansible_port: 22\n")
    assert inventory.hosts[0].place.endswith("hosts.yaml:3")
