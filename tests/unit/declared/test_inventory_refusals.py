"""What an inventory must not hold: each row with its code, place and advice, all at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.inventory.reading import load_inventory
from swarmkit.declared.inventory.variable_names import CLUSTER_KEYS, HOST_KEYS
from swarmkit.errors import Complaint, InputError

SECRET = "hunter2-in-clear"


def refused(tmp_path: Path, text: str | bytes, *, check_files: bool = False) -> tuple[Complaint, ...]:
    path = tmp_path / "hosts.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        load_inventory(path, check_files=check_files)
    assert SECRET not in str(caught.value)
    assert caught.value.exit_code == 2
    return caught.value.complaints


def codes(complaints: tuple[Complaint, ...]) -> set[str]:
    return {complaint.code for complaint in complaints}


HOST = "managers:\n  hosts:\n    a:\n      ansible_host: 10.0.0.1\n      {}\n"
ALL = "all:\n  vars:\n    {}\nmanagers:\n  hosts:\n    a:\n      ansible_host: 10.0.0.1\n"


@pytest.mark.parametrize(
    ("code", "variable", "says"),
    [
        ("B05", "ansible_hots: x", "did you mean 'ansible_host'?"),
        ("B05", "ansible_usr: x", "did you mean 'ansible_user'?"),
        ("B05", "swarm_lables: {a: b}", "did you mean 'swarm_labels'?"),
        ("B05", "swarm_frobnicate: 1", "unknown variable"),
        ("B05", "swarm_adress: 10.0.0.1", "a host is reached at its ansible_host"),
        ("B05", "swarm_address_pool: [10.0.0.0/8]", "did you mean 'swarm_address_pools'?"),
        ("B05", "lab_memry: 2048", "did you mean 'lab_memory'?"),
        ("B05", "lab_engin: '20.10'", "did you mean 'lab_engine'?"),
        ("B05", "swarm_availability: drained", "did you mean 'drain'?"),
        ("B05", "ansible_connection: local", "not supported"),
        ("B05", "ansible_become_method: su", "not supported"),
        ("B05", "ansible_user: '{{ who }}'", "template"),
        ("B05", "ansible_ssh_common_args: -o ProxyCommand='ssh -W %h:%p gate'", "through a shell"),
        ("B22", "ansible_ssh_common_args: -o StrictHostKeyChecking=no", "always checked"),
        ("B22", "ansible_ssh_extra_args: -o UserKnownHostsFile=/dev/null", "swarm_known_hosts"),
        ("B05", "ansible_ssh_extra_args: -A", "agent forwarding"),
        ("B05", 'ansible_ssh_extra_args: "-o \'x"', "not a list of arguments"),
        ("B11", "ansible_port: 70000", "1-65535"),
        ("B11", "ansible_port: ssh", "whole number"),
        ("B11", "swarm_jump: 'user@'", "user@host:port"),
        ("B11", "swarm_jump: 'u;id@host'", "user@host:port"),
        ("B12", "swarm_advertise_addr: eth0", "not an interface name"),
        ("B12", "swarm_advertise_addr: 0.0.0.0", "unspecified"),
        ("B12", "swarm_advertise_addr: 127.0.0.1", "loopback"),
        ("B12", "swarm_advertise_addr: '::'", "unspecified"),
        ("B12", "swarm_data_path_addr: 224.0.0.5", "multicast"),
        ("B12", "swarm_data_path_addr: 'fe80::1%eth0'", "cannot be advertised"),
        ("B18", "ansible_user: 'root; rm -rf /'", "may not begin with '-'"),
        ("B18", "ansible_user: -oProxyCommand=x", "may not begin with '-'"),
        ("B18", "swarm_labels: {'a b': c}", "label"),
        ("B20", "ansible_ssh_private_key_file: '${NOT_SET_ANYWHERE}/k'", "not set"),
        ("B21", f"ansible_password: {SECRET}", "value not shown"),
        ("B21", f"ansible_ssh_pass: {SECRET}", "key"),
        ("B21", f"ansible_become_password: {SECRET}", "--ask-become-pass"),
        ("B21", "ansible_become_password: !vault |\n        61", "SWARMKIT_BECOME_PASSWORD_FILE"),
        ("B21", "note: SWMTKN-1-abc-def", "value not shown"),
        ("B22", "swarm_host_key: 'MD5:16:27:ac'", "SHA256"),
        ("B22", "swarm_host_key: 'SHA256:short'", "SHA256"),
        ("B22", "swarm_host_key: ssh-ed25519 AAAA", "whole line"),
    ],
)
def test_a_bad_host_variable_is_refused_with_its_place(tmp_path: Path, code: str, variable: str, says: str) -> None:
    complaints = refused(tmp_path, HOST.format(variable))
    assert codes(complaints) == {code}
    assert says in str(complaints[0])
    assert (complaints[0].line, complaints[0].path[:20]) == (5, "managers.hosts.a." + variable[:3])


@pytest.mark.parametrize("address", ["10.0.0.300", "10.0.0.1/24", "http://a", "a b", "''", "a:b", "'-x'"])
def test_a_bad_address_is_refused(tmp_path: Path, address: str) -> None:
    assert codes(refused(tmp_path, f"managers: {{hosts: {{a: {{ansible_host: {address}}}}}}}")) == {"B11"}


@pytest.mark.parametrize(
    ("code", "variable", "says"),
    [
        ("B16", "swarm_data_path_port: 500", "1024-49151"),
        ("B16", "swarm_data_path_port: 60000", "1024-49151"),
        ("B17", "swarm_data_path_port: 7946", "clashes"),
        ("B18", "swarm_cluster: 'a;b'", "cluster name"),
        ("B25", "swarm_address_pools: [10.20.0.1/16]", "write 10.20.0.0/16"),
        ("B25", "swarm_address_pools: [10.20.0.0/30]", "/29"),
        ("B25", "swarm_address_pools: [8.0.0.0/8]", "private"),
        ("B25", "swarm_address_pools: everything", "not an address range"),
        ("B25", "swarm_address_pool_prefix: 30", "1-29"),
        ("B26", "swarm_address_pools: [10.20.0.0/16, 10.20.3.0/24]", "overlaps"),
        ("B26", "swarm_address_pools: 10.0.0.0/16", "address of a"),
        ("B05", "swarm_overlay_encryption: optional", "required or as-declared"),
        ("B05", "swarm_autolock: perhaps", "true or false"),
        ("B05", "swarm_encrypt_ingress: perhaps", "true or false"),
    ],
)
def test_a_bad_setting_of_the_cluster_is_refused(tmp_path: Path, code: str, variable: str, says: str) -> None:
    complaints = refused(tmp_path, ALL.format(variable))
    assert codes(complaints) == {code}
    assert says in str(complaints[0])
    assert complaints[0].line == 3


def test_a_pool_prefix_must_fit_into_the_pools(tmp_path: Path) -> None:
    text = ALL.format("swarm_address_pools: [10.20.0.0/24]\n    swarm_address_pool_prefix: 20")
    assert "do not fit" in refused(tmp_path, text)[0].what


@pytest.mark.parametrize(
    ("code", "text", "says"),
    [
        ("B02", "managers:\n\thosts:\n", "tab used for indentation"),
        ("B02", "managers: {hosts: {a: {}, a: {}}}", "twice"),
        ("B02", "managers: [", "not valid YAML"),
        ("B02", "? [a]\n: b\nmanagers: {hosts: {a: {}}}", "cannot be a key"),
        ("B02", b"managers: \xff", "UTF-8"),
        ("B02", "a\0b", "not valid YAML"),
        ("B04", "managers: !!python/object:os.system {}", "unsupported YAML tag"),
        ("B04", "managers: &a {x: *a}", "contains itself"),
        ("B04", "- " * 3000, "nested too deeply"),
        ("B04", "a: " + "x" * (1 << 20), "larger than 1 MiB"),
        ("B05", "managers: {hots: {a: {}}, hosts: {b: {}}}", "did you mean 'hosts'?"),
        ("B05", "managers: {hosts: [a]}", "must be a map"),
        ("B05", "managers: {hosts: {a: {}}, children: {managers: {}}}", "contains itself"),
        ("B06", "", "empty inventory"),
        ("B06", "all: {hosts: {a: {}}}", "no manager"),
        ("B06", "workers: {hosts: {a: {}}}", "no manager"),
        (
            "B06",
            "managers: {hosts: {a: {swarm_state: absent}}}\nworkers: {hosts: {b: {}}}",
            "no manager but 'a', absent",
        ),
        (
            "B06",
            "managers: {hosts: {a: {swarm_state: absent}}}",
            "swarmkit down, with an inventory that has them still",
        ),
        ("B07", "managers: {hosts: {a: {}, b: {}}}", "2 managers tolerate 0 failures"),
        ("B07", "managers: {hosts: {'m[1:4]': {}}}", "4 managers tolerate 1 failures"),
        ("B08", "mangers: {hosts: {b: {}}}\nmanagers: {hosts: {a: {}}}", "did you mean 'managers'?"),
        ("B08", "managers: {hosts: {a: {}}}\nworkers: {hosts: {a: {}}}", "in managers and in workers"),
        ("B09", "managers: {hosts: {a: {ansible_host: x}}}\nworkers: {hosts: {b: {ansible_host: X}}}", "same machine"),
        ("B12", "managers: {hosts: {a: {ansible_host: 127.0.0.5}}}", "swarm_advertise_addr"),
        (
            "B14",
            "managers: {hosts: {a: {ansible_host: 10.0.0.1}}}\nworkers: {hosts: {b: {ansible_host: 'fd00::1'}}}",
            "family",
        ),
        ("B18", "managers: {hosts: {'-x': {}}}", "may not begin with '-'"),
        ("B18", "managers: {hosts: {'$(id)': {}}}", "host name"),
        ("B18", "managers: {hosts: {'w[3:1]': {}}}", "backwards"),
        ("B18", "managers: {hosts: {'w[1:99999999]': {}}}", "more than"),
        ("B18", "managers: {hosts: {'w[1:': {}}}", "a range is"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, code: str, text: str | bytes, says: str) -> None:
    complaints = refused(tmp_path, text)
    assert code in codes(complaints)
    assert any(says in str(complaint) for complaint in complaints if complaint.code == code)


def test_an_alias_bomb_is_refused_quickly(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
    )
    assert codes(refused(tmp_path, bomb)) == {"B04"}


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path, Path("/dev/zero"), Path("a\0b"), Path("x" * 5000)):
        with pytest.raises(InputError, match="B01"):
            load_inventory(path)


def test_every_complaint_is_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """
all: {vars: {swarm_data_path_port: 5}}
managers:
  hosts:
    a: {ansible_host: 10.0.0.300, ansible_user: "x;y"}
    b: {swarm_advertise_addr: lo}
"""
    complaints = refused(tmp_path, text)
    assert [complaint.code for complaint in complaints] == ["B16", "B11", "B18", "B12", "B07"], "the whole file last"
    assert "all.vars.swarm_data_path_port" in [complaint.path for complaint in complaints]


def test_that_no_manager_is_left_is_told_after_the_line_that_causes_it(tmp_path: Path) -> None:
    complaints = refused(tmp_path, "managr:\n  hosts:\n    a: {ansible_host: 10.0.0.1}\n")
    assert [complaint.code for complaint in complaints] == ["B08", "B06"]


@pytest.mark.parametrize("value", ["5", "database"])
def test_labels_that_are_one_value_are_told_how_to_write_them(tmp_path: Path, value: str) -> None:
    text = f"managers: {{hosts: {{a: {{ansible_host: 10.0.0.1, swarm_labels: {value}}}}}}}"
    (complaint,) = refused(tmp_path, text)
    assert complaint.what == f"must be labels, each with its value, got {value!r}"
    assert complaint.to_do == "write swarm_labels: {role: database}"


def test_settings_of_the_cluster_must_be_the_same_for_all_hosts(tmp_path: Path) -> None:
    text = "managers: {hosts: {a: {swarm_cluster: x}}}\nworkers: {hosts: {b: {}}}"
    assert "differs between hosts" in refused(tmp_path, text)[0].what


def test_the_same_private_address_behind_two_jump_hosts_is_two_machines(tmp_path: Path) -> None:
    text = (
        "managers: {hosts: {a: {ansible_host: x, swarm_jump: one}}}\n"
        "workers: {hosts: {b: {ansible_host: x, swarm_jump: two}}}"
    )
    (tmp_path / "hosts.yaml").write_text(text)
    assert len(load_inventory(tmp_path / "hosts.yaml").hosts) == 2


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        (None, 0, "no such file"),
        ("ssh-ed25519 AAAA me", 0o600, "public key"),
        ("hello", 0o600, "not a private key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", 0o644, "chmod 600"),
    ],
)
def test_a_bad_key_file_is_refused(tmp_path: Path, content: str | None, mode: int, says: str) -> None:
    if content is not None:
        (tmp_path / "key").write_text(content)
        (tmp_path / "key").chmod(mode)
    text = HOST.format("ansible_ssh_private_key_file: key")
    complaints = refused(tmp_path, text, check_files=True)
    assert codes(complaints) == {"B20"}
    assert says in str(complaints[0])


def test_messages_hold_no_control_characters(tmp_path: Path) -> None:
    text = 'managers: {hosts: {"a\\e": {ansible_user: "x\\e[2J", "swarm_\\a": 1}}}'
    complaints = refused(tmp_path, text)
    assert len(complaints) >= 3
    assert all(str(complaint).isprintable() for complaint in complaints)


_LAYOUT = ["all", "managers", "workers", "hosts", "vars", "children", "a", "b", "web[1:3]", "10.0.0.1", "::1", "<<"]
_ANSIBLE = ["ansible_host", "ansible_port", "ansible_user", "ansible_become", "ansible_ssh_private_key_file"]
_OTHER = ["ansible_ssh_common_args", "-J", "-o", "!vault", "&a", "*a", "10.0.0.0/8", "ansible_group_priority"]
WORDS = st.sampled_from([*_LAYOUT, *_ANSIBLE, *_OTHER, *HOST_KEYS, *CLUSTER_KEYS])
SCALARS = WORDS | st.text(max_size=12) | st.integers() | st.floats() | st.booleans() | st.none()
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=6), inner, max_size=5)
)
LINES = st.lists(
    st.tuples(
        st.integers(0, 6),
        WORDS | st.text(max_size=8),
        st.sampled_from(["", ":", ": ", " "]),
        WORDS | st.text(max_size=8),
    ),
    max_size=12,
).map(lambda lines: "\n".join(" " * indent + key + colon + value for indent, key, colon, value in lines))


def is_answered(path: Path, text: str) -> bool:
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        return isinstance(load_inventory(path), Inventory)
    except InputError as error:
        return all(str(complaint).isprintable() for complaint in error.complaints) and bool(error.complaints)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=200) | LINES)
def test_any_text_is_an_inventory_or_a_refusal(tmp_path: Path, text: str) -> None:
    assert is_answered(tmp_path / "hosts.yaml", text)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=st.dictionaries(WORDS, TREES, max_size=4), as_host=st.booleans())
def test_any_tree_is_an_inventory_or_a_refusal(tmp_path: Path, tree: dict[str, object], as_host: bool) -> None:
    whole = {"managers": {"hosts": {"m": tree}}} if as_host else tree
    assert is_answered(tmp_path / "hosts.yaml", json.dumps(whole))
    assert is_answered(tmp_path / "hosts.yaml", "# not JSON\n" + json.dumps(whole))
    assert is_answered(
        tmp_path / "hosts.yaml", json.dumps({"_meta": {"hostvars": {"m": tree}}, "managers": ["m"], **whole})
    )
