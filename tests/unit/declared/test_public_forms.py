"""Forms that other projects' files have and docker's tool takes: each becomes what that makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmkit.declared.documents import go_yaml
from swarmkit.declared.documents.complaints import Complaints
from swarmkit.declared.documents.nodes import MapNode
from swarmkit.declared.documents.yaml_source import parse_yaml
from swarmkit.declared.stack.reading import load_stack
from swarmkit.declared.stack.service import Port, Resources, Stack
from swarmkit.errors import InputError


def load(tmp_path: Path, text: str) -> Stack:
    path = tmp_path / "stack.yaml"
    path.write_bytes(text.encode())
    return load_stack(path, name="s", environment={})


@pytest.mark.parametrize(
    ("written", "hosts"),
    [
        ("['a=10.0.0.1', 'b:10.0.0.2']", ["10.0.0.1 a", "10.0.0.2 b"]),
        ("['a=[::1]', 'b:[::1]', 'c:::1']", ["::1 a", "::1 b", "::1 c"]),
        ("{b: '[::1]', a: host-gateway}", ["host-gateway a", "::1 b"]),
        ("['host.docker.internal:host-gateway']", ["host-gateway host.docker.internal"]),
    ],
)
def test_extra_hosts(tmp_path: Path, written: str, hosts: list[str]) -> None:
    stack = load(tmp_path, f"services: {{a: {{image: 'i:1', extra_hosts: {written}}}}}")
    assert list(stack.services[0].extra_hosts) == hosts


@pytest.mark.parametrize("written", ["['a:gateway']", "['a=']", "['a:[::1']", "['=10.0.0.1']"])
def test_what_is_no_address_of_a_host_is_refused(tmp_path: Path, written: str) -> None:
    with pytest.raises(InputError, match="not NAME:ADDRESS"):
        load(tmp_path, f"services: {{a: {{image: 'i:1', extra_hosts: {written}}}}}")


def test_a_relative_bind_is_seen_from_the_files_folder_as_it_was_given(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    volumes = "['../shared/x:/a', './b/../c/:/c', '.:/d', '~/e:/e']"
    (tmp_path / "real/stack.yaml").write_text(f"services: {{a: {{image: 'i:1', volumes: {volumes}}}}}")
    stack = load_stack(tmp_path / "link/stack.yaml", name="s", environment={"HOME": "/home/operator"})
    sources = [mount.source for mount in stack.services[0].mounts]
    assert sources == [f"{tmp_path}/shared/x", f"{tmp_path}/link/c", f"{tmp_path}/link", "/home/operator/e"]


def test_a_tab_between_words_is_a_space_and_one_that_indents_an_error(tmp_path: Path) -> None:
    lines = ["image:\ti:1\t", "command: [x,\ty]\t# c", "hostname: 'h'\t", "user: a\tb"]
    stack = load(tmp_path, "\n    ".join(["services:\n  a:\t# the one", *lines]))
    assert (stack.services[0].image, stack.services[0].command) == ("i:1", ("x", "y"))
    assert (stack.services[0].hostname, stack.services[0].user) == ("h", "a\tb")
    for line in ("\timage: i:1", "    image: i:1\n\t", "    image: i:1\n\t# c\n    user: x", "    ports:\n    -\t80"):
        with pytest.raises(InputError, match="indent with spaces"):
            load(tmp_path, f"services:\n  a:\n{line}\n")


@pytest.mark.parametrize(
    ("written", "passed"),
    [
        ("2024-02-01", "2024-02-01 00:00:00 +0000 UTC"),
        ("2024-2-1", "2024-02-01 00:00:00 +0000 UTC"),
        ("2020-01-02 10:11:12.50", "2020-01-02 10:11:12.5 +0000 UTC"),
        ("2020-01-02T03:04:05Z", "2020-01-02 03:04:05 +0000 UTC"),
        ("2020-01-02t03:04:05.123456789-05:30", "2020-01-02 03:04:05.123456789 -0530 -0530"),
        ("2020-13-01", None),
        ("2020-01-02 03:04", None),
        ("2020-01-02 03:04:05Z", None),
        ("2020-01-02T03:04:05", None),
    ],
)
def test_a_date(written: str, passed: str | None) -> None:
    assert go_yaml.date(written) == passed


def test_a_date_without_quotes_is_passed_on_as_docker_does_with_a_warning(tmp_path: Path) -> None:
    environment = "{API_VERSION: 2024-02-01, QUOTED: '2024-02-01', TAGGED: !!str 2024-02-01}"
    stack = load(tmp_path, f"services: {{a: {{image: 'i:1', environment: {environment}}}}}")
    found = stack.services[0].environment
    assert found["API_VERSION"] == "2024-02-01 00:00:00 +0000 UTC"
    assert found["QUOTED"] == found["TAGGED"] == "2024-02-01"
    assert [warning.path for warning in stack.warnings] == ["services.a.environment.API_VERSION"]


def test_protocol_mode_and_endpoint_mode_may_be_in_capitals(tmp_path: Path) -> None:
    ports = "['80:80/TCP', {target: 81, published: 81, protocol: UDP, mode: HOST}]"
    text = f"version: ''\nservices: {{a: {{image: 'i:1', ports: {ports}, deploy: {{endpoint_mode: VIP}}}}}}"
    service = load(tmp_path, text).services[0]
    assert service.ports == (Port(80, 80, "tcp"), Port(81, 81, "udp", "host"))
    assert service.deploy.endpoint_mode == "vip"


@pytest.mark.parametrize(
    ("limits", "means"),
    [
        ("{cpus: '0', memory: '0', pids: 0}", Resources(nano_cpus=0, memory_bytes=0, pids=0)),
        ("{cpus: 1/2}", Resources(nano_cpus=500_000_000)),
        ("{cpus: '0.1250000000'}", Resources(nano_cpus=125_000_000)),
        ("{cpus: '1e-1', memory: .5g, pids: -1}", Resources(nano_cpus=100_000_000, memory_bytes=512 << 20, pids=-1)),
    ],
)
def test_limits(tmp_path: Path, limits: str, means: Resources) -> None:
    stack = load(tmp_path, f"services: {{a: {{image: 'i:1', deploy: {{resources: {{limits: {limits}}}}}}}}}")
    assert stack.services[0].deploy.limits == means


def test_a_resource_of_none_is_taken(tmp_path: Path) -> None:
    generic = "[{discrete_resource_spec: {kind: gpu, value: 0}}]"
    resources = f"{{reservations: {{generic_resources: {generic}}}}}"
    stack = load(tmp_path, f"services: {{a: {{image: 'i:1', deploy: {{replicas: 2.0, resources: {resources}}}}}}}")
    deploy = stack.services[0].deploy
    assert (deploy.replicas, deploy.reservations) == (2, Resources(generic=(("gpu", 0),)))


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (r"""'--re="a\.b\d+"'""", ("--re=a.bd+",)),
        (r"""'"\$$HOME" "\`"'""", ("$HOME", "`")),
        ("'a # b'", ("a",)),
        ("'#all'", None),
        (r'"a\nb # c\nd e#f"', ("a", "b", "d", "e#f")),
        (r"""a''b '' "" c\ d""", ("ab", "", "", "c d")),
    ],
)
def test_a_command_in_one_string_is_split_as_dockers_tool_does(
    tmp_path: Path, written: str, words: tuple[str, ...] | None
) -> None:
    stack = load(tmp_path, f"services:\n  a:\n    image: i:1\n    command: {written}\n    entrypoint: {written}\n")
    assert (stack.services[0].command, stack.services[0].entrypoint) == (words, words)


@pytest.mark.parametrize(("written", "why"), [("'\"a'", "no closing quotation"), ("'a\\'", "no escaped character")])
def test_a_command_that_does_not_end_is_refused(tmp_path: Path, written: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        load(tmp_path, f"services: {{a: {{image: 'i:1', command: {written}}}}}")


def test_a_port_published_as_zero_gets_one_that_is_free(tmp_path: Path) -> None:
    stack = load(tmp_path, "services: {a: {image: 'i:1', ports: ['0:80', '0:81/udp']}}")
    assert stack.services[0].ports == (Port(80, None, "tcp"), Port(81, None, "udp"))


def test_an_empty_account_and_an_empty_target_are_as_if_not_written(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("word")
    service = "{image: 'i:1', credential_spec: {}, configs: [{source: c, target: ''}]}"
    stack = load(tmp_path, f"services: {{a: {service}}}\nconfigs: {{c: {{file: word}}}}")
    assert stack.services[0].credential_spec is None
    assert stack.services[0].configs[0].target == "c"


def test_the_first_document_counts_and_one_that_says_something_after_it_is_warned_of(tmp_path: Path) -> None:
    text = "services: {a: {image: 'i:1'}}\n---\n"
    assert load(tmp_path, text).warnings == load(tmp_path, text.removesuffix("---\n")).warnings
    (told,) = (one for one in load(tmp_path, text + "services: {b: {image: 'i:1'}}\n").warnings if one.code == "B02")
    assert (told.line, told.what) == (3, "Docker passes over a second document")


def test_a_second_merge_key_in_a_map_is_a_key_that_is_there_twice(tmp_path: Path) -> None:
    text = "x-a: &a {image: 'i:1'}\nx-b: &b {user: '2'}\nservices:\n  a:\n    <<: *a\n    <<: *b\n"
    with pytest.raises(InputError) as told:
        load(tmp_path, text)
    (complaint,) = told.value.complaints
    assert (complaint.code, complaint.line) == ("B02", 6)
    assert "first on line 5" in complaint.what
    both = text.replace("<<: *a\n    <<: *b", "<<: [*a, *b]")
    assert load(tmp_path, both).services[0].user == "2"


def test_an_inventory_may_have_several_merge_keys_in_a_map_as_ansible_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text("x: &x {a: 1}\ny: &y {b: 2}\nall:\n  <<: *x\n  <<: *y\n")
    log = Complaints(path)
    root = parse_yaml(path.read_text(), log, "ansible")
    assert isinstance(root, MapNode)
    merged = root.items["all"]
    assert isinstance(merged, MapNode)
    assert (log.refused, list(merged.items)) == ([], ["a", "b"])
