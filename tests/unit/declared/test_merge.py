"""Several stack files as one: what `docker stack config -c ONE -c TWO` makes of them, and what is warned of."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from swarmkit.declared.stack.container_options import Logging, Ulimit
from swarmkit.declared.stack.reading import load_stack
from swarmkit.declared.stack.service import FileReference, Mount, Port, Service, ServiceNetwork, Stack
from swarmkit.errors import InputError

REST = """
networks: {n: {driver_opts: {a: b}, attachable: true}, m: {}}
volumes: {v1: {}, v2: {}}
secrets: {p: {file: one.env}, q: {file: one.env}}
"""


def load(tmp_path: Path, *texts: str, environment: dict[str, str] | None = None) -> Stack:
    paths = [tmp_path / f"{number}.yaml" for number, _ in enumerate(texts, start=1)]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    (tmp_path / "one.env").write_text("A=from one\nB=b\n")
    return load_stack(*paths, name="s", environment=environment or {})


def both(tmp_path: Path, one: str, two: str) -> Service:
    texts = [f"services: {{a: {{image: 'i:1', {one}}}}}{REST}", f"services: {{a: {{{two}}}}}\n"]
    return load(tmp_path, *texts).services[0]


@pytest.mark.parametrize(
    ("key", "one", "two", "merged"),
    [
        ("image", "hostname: h", "image: 'i:2'", "i:2"),
        ("hostname", "hostname: h", "hostname: ''", "h"),
        ("command", "command: [a, b]", "command: c d", ("c", "d")),
        ("command", "command: [a, b]", "command: []", ("a", "b")),
        ("command", "command: [a, b]", "command: ''", ("a", "b")),
        ("environment", "environment: {A: 1, B: 2}", "environment: [B=3, C=4]", {"A": "1", "B": "3", "C": "4"}),
        ("environment", "environment: {A: 1}", "environment: [A=, HOME]", {"A": "1", "HOME": "/h"}),
        ("environment", "environment: {A: 1}", "env_file: one.env", {"A": "from one", "B": "b"}),
        ("environment", "env_file: one.env", "environment: {A: 1}", {"A": "1", "B": "b"}),
        ("labels", "labels: {a: 1, b: 2}", "labels: ['b=', c=3]", {"a": "1", "b": "", "c": "3"}),
        ("cap_add", "cap_add: [A, B]", "cap_add: [B, C]", ("A", "B", "B", "C")),
        ("extra_hosts", "extra_hosts: ['x:1.1.1.1']", "extra_hosts: {y: 2.2.2.2}", ("1.1.1.1 x", "2.2.2.2 y")),
        ("read_only", "read_only: true", "read_only: false", True),
        ("init", "init: false", "init: true", True),
        ("stop_grace_period_nanoseconds", "stop_grace_period: 5s", "stop_grace_period: 0s", 5 * 10**9),
        ("ports", "ports: ['80:80', '90:90']", "ports: ['79:7', '80:80']", (Port(7, 79), Port(80, 80), Port(90, 90))),
        ("ports", "ports: ['80:80', '90:90']", "ports: ['80:8080']", (Port(8080, 80), Port(90, 90))),
        (
            "ports",
            "ports: ['80:80']",
            "ports: [{target: 80, published: 80, mode: host}]",
            (Port(80, 80, mode="host"),),
        ),
        ("ports", "ports: ['53:53/udp']", "ports: ['53:53']", (Port(53, 53),)),
        ("ports", "ports: ['80', '81']", "ports: ['82']", (Port(80, None), Port(81, None), Port(82, None))),
        (
            "mounts",
            "volumes: ['v1:/x:ro', /h:/y]",
            "volumes: ['v2:/x', {type: tmpfs, target: /a}]",
            (Mount("tmpfs", "/a"), Mount("volume", "/x", "v2"), Mount("bind", "/y", "/h")),
        ),
        (
            "secrets",
            "secrets: [{source: p, target: t}, q]",
            "secrets: [{source: p, uid: '7'}]",
            (FileReference("p", "p", uid="7"), FileReference("q", "q")),
        ),
        (
            "networks",
            "networks: {n: {aliases: [x], driver_opts: {o: 1}}}",
            "networks: {n: {aliases: [y]}, m: {}}",
            (ServiceNetwork("n", ("y",), {"o": "1"}), ServiceNetwork("m")),
        ),
        ("networks", "networks: {n: {aliases: [x]}}", "networks: [n]", (ServiceNetwork("n", ("x",)),)),
        (
            "logging",
            "logging: {driver: json-file, options: {x: 1, y: 2}}",
            "logging: {options: {x: 3}}",
            Logging("json-file", {"x": "3", "y": "2"}),
        ),
        ("logging", "logging: {driver: a, options: {x: 1}}", "logging: {driver: b}", Logging("b")),
        (
            "ulimits",
            "ulimits: {nofile: 5, nproc: 6}",
            "ulimits: {nofile: {soft: 1, hard: 2}}",
            (Ulimit("nofile", 1, 2), Ulimit("nproc", 6, 6)),
        ),
        ("depends_on", "depends_on: [b]", "depends_on: {b: {condition: service_started}}", {"b": "service_started"}),
        ("depends_on", "depends_on: {z: {required: true}}", "depends_on: {z: {required: false}}", {}),
    ],
)
def test_a_later_file_is_merged_as_docker_does_it(tmp_path: Path, key: str, one: str, two: str, merged: object) -> None:
    texts = [f"services: {{a: {{image: 'i:1', {one}}}, b: {{image: 'i:1'}}}}{REST}", f"services: {{a: {{{two}}}}}\n"]
    stack = load(tmp_path, *texts, environment={"HOME": "/h"})
    assert getattr(stack.service("a"), key) == merged


def test_what_one_file_says_twice_stays_where_docker_keeps_the_last_alone(tmp_path: Path) -> None:
    twice = "ports: ['53:53', '53:53/udp'], secrets: [{source: p, target: t}, {source: p, target: u}]"
    for other in ("hostname: h", "ports: ['80:80'], secrets: [q]"):
        service = both(tmp_path, twice, other)
        assert {(port.published, port.protocol) for port in service.ports} >= {(53, "tcp"), (53, "udp")}
        assert {one.target for one in service.secrets} >= {"t", "u"}


def test_numbers_override_with_zero_and_lists_of_deploy_grow(tmp_path: Path) -> None:
    one = (
        "replicas: 2, labels: {x: y}, placement: {constraints: [node.role == manager]}, update_config: {parallelism: 2}"
    )
    two = "replicas: 0, labels: [z=q], placement: {constraints: [node.labels.a == b]}, update_config: {parallelism: 0}"
    deploy = both(tmp_path, f"deploy: {{{one}}}", f"deploy: {{{two}}}").deploy
    assert (deploy.replicas, deploy.labels) == (0, {"x": "y", "z": "q"})
    assert deploy.constraints == ("node.role == manager", "node.labels.a == b")
    assert deploy.update_config
    assert deploy.update_config.parallelism == 0


def test_services_of_later_files_are_added(tmp_path: Path) -> None:
    stack = load(tmp_path, "services: {a: {image: 'i:1'}}", "services: {b: {image: 'i:1'}}", "services: {b: {user: u}}")
    assert [(service.name, service.user) for service in stack.services] == [("a", None), ("b", "u")]


def test_a_network_of_a_later_file_replaces_the_earlier_one_with_a_warning(tmp_path: Path) -> None:
    one = f"services: {{a: {{image: 'i:1', networks: [n]}}}}{REST}"
    stack = load(tmp_path, one, "networks: {n: {driver_opts: {c: d}}}")
    assert (stack.networks[0].driver_options, stack.networks[0].attachable) == ({"c": "d"}, False)
    assert any("attachable is gone" in one.what and one.file.endswith("2.yaml") for one in stack.warnings)


@pytest.mark.parametrize(
    ("one", "two", "says"),
    [
        ("read_only: true", "read_only: false", "does not override the 'true'"),
        ("healthcheck: {test: x}", "healthcheck: {test: y}", "strings the words of both files together"),
        ("networks: {n: {}}", "networks: {n: {driver_opts: {a: b}}}", "keeps the driver_opts"),
        ("ports: ['53:53', '53:53/udp']", "ports: ['53:54']", "takes the place of the udp port"),
    ],
)
def test_what_does_not_override_is_warned_of_at_its_place(tmp_path: Path, one: str, two: str, says: str) -> None:
    stack = load(tmp_path, f"services: {{a: {{image: 'i:1', {one}}}}}{REST}", f"\nservices: {{a: {{{two}}}}}")
    told = [(Path(warning.file).name, warning.line) for warning in stack.warnings if says in warning.what]
    assert told == [("2.yaml", 2)]


def test_each_complaint_names_the_file_it_is_about(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, "services:\n  a: {image: 'i:1', mem_limit: 5m}\n", "services:\n\n  a: {replicas: 1}\n")
    told = [(Path(one.file).name, one.line, one.code) for one in caught.value.complaints]
    assert told == [("1.yaml", 2, "B32"), ("2.yaml", 3, "B05")]


def test_complaints_of_all_files_come_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, "services: {a: {image: 'i:1', image: x}}", "[]", "services: {a: {image: '${B:?b}'}}")
    assert [(Path(one.file).name, one.code) for one in caught.value.complaints] == [
        ("1.yaml", "B02"),
        ("2.yaml", "B28"),
        ("3.yaml", "B36"),
    ]


@pytest.mark.parametrize(
    ("one", "two", "accepted"),
    [("'3'", "'3.0'", True), ("'3.8'", "'3.9'", False), ("'3.13'", None, True), ("'3.8'", None, False)],
)
def test_all_files_need_one_version(tmp_path: Path, one: str, two: str | None, accepted: bool) -> None:
    second = "services: {b: {image: 'i:1'}}" + (f"\nversion: {two}" if two else "")
    texts = [f"version: {one}\nservices: {{a: {{image: 'i:1'}}}}", second]
    if accepted:
        assert len(load(tmp_path, *texts).services) == 2
        return
    with pytest.raises(InputError, match="the same in all files"):
        load(tmp_path, *texts)


def test_paths_are_seen_from_the_first_files_folder(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "two.yaml").write_text("secrets: {p: {file: ./pw}}\nservices: {a: {secrets: [p]}}")
    (tmp_path / "one.yaml").write_text("services: {a: {image: 'i:1'}}")
    (tmp_path / "pw").write_text("x")
    stack = load_stack(tmp_path / "one.yaml", tmp_path / "inner" / "two.yaml", name="s", environment={})
    assert stack.secrets[0].content


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"services: {a: {image: 'i:1'}}")))
    assert load_stack(Path("-"), name="s", environment={}).services[0].image == "i:1"


def test_a_dot_env_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TAG=from-dot-env\n")
    assert load(tmp_path, "services: {a: {image: 'i:${TAG:-1}'}}").services[0].image == "i:1"
