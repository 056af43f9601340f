"""What a stack file must not hold: each row with its code, place and advice, all at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swarmkit.declared.stack.reading import load_stack
from swarmkit.declared.stack.service import Stack
from swarmkit.declared.stack.stack_keys import IGNORED, KEYS
from swarmkit.errors import Complaint, InputError


def refused(tmp_path: Path, text: str) -> tuple[Complaint, ...]:
    path = tmp_path / "stack.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_stack(path, name="s", environment={})
    return caught.value.complaints


@pytest.mark.parametrize(
    ("code", "lines", "says"),
    [
        ("B05", "imge: x", "did you mean 'image'?"),
        ("B05", 'command: "a \'b"', "not a command line"),
        ("B05", "environment: [=x]", "key=value"),
        ("B05", "read_only: maybe", "true or false"),
        ("B05", "networks: {default: {alias: [x]}}", "did you mean 'aliases'?"),
        ("B17", "ports: [{target: 80, published: 2377}]", "clashes"),
        ("B05", "extra_hosts: ['a=10.0.0']", "NAME:ADDRESS"),
        ("B05", "credential_spec: {file: a, registry: b}", "exactly one"),
        ("B05", "logging: {driver: x, level: 1}", "unknown key"),
        ("B11", "dns: [8.8.8.8.8]", "not an IP address"),
        ("B31", "restart: sometimes", "not a restart policy"),
        ("B33", "deploy: {replicas: 2, mode: global-job}", "not with mode: global-job"),
        ("B34", "volumes: ['/x:/y:nocopy']", "incompatible"),
        ("B34", "volumes: [{type: npipe, target: /y}]", "needs a source"),
        ("B34", "volumes: [{type: image, target: /y}]", "needs a source"),
        ("B34", "volumes: [{type: image, source: 'x:1', target: /y, bind: {}}]", "incompatible with type image"),
        ("B05", "volumes: [{type: image, source: 'x:1', target: /y, image: {subpath: a}}]", "unknown key 'image'"),
        ("B05", "volumes: [{type: cluster, source: 'group:x', target: /y, cluster: {}}]", "unknown key 'cluster'"),
        ("B38", "credential_spec: {config: x}", "undefined credential_spec 'x'"),
        ("B39", "env_file: ./none", "no such file"),
        ("B41", "healthcheck: {test: x, disable: true}", "exclude"),
        ("B42", "deploy: {resources: {reservations: {generic_resources: [{kind: GPU}]}}}", "discrete_resource_spec"),
        ("B32", "mem_limit: 5m", "use deploy.resources"),
        ("B32", "extends: x", "anchor"),
        ("B33", "deploy: {replicas: -1}", "whole number"),
        ("B33", "deploy: {replicas: two}", "got 'two'"),
        ("B33", "deploy: {replicas: 1000000000}", "0-100000"),
        ("B33", "deploy: {replicas: 2, mode: global}", "not with mode: global"),
        ("B33", "deploy: {mode: globl}", "did you mean 'global'?"),
        ("B33", "deploy: {update_config: {order: stop}}", "stop-first"),
        ("B33", "deploy: {update_config: {max_failure_ratio: 2}}", "0-1"),
        ("B34", "volumes: [{type: tmpfs, source: x, target: /y}]", "has no source"),
        ("B34", "volumes: [{type: tmpfs, target: /y, volume: {nocopy: true}}]", "incompatible"),
        ("B34", "volumes: ['a:b:c:d']", "not a volume"),
        ("B35", "deploy: {placement: {constraints: [node.labels.db=true]}}", "=="),
        ("B35", "deploy: {placement: {constraints: [node.label.db == true]}}", "unknown constraint key"),
        ("B36", "hostname: '${A:?why}'", "required: 'why'"),
        ("B36", "hostname: '${A'", "$$"),
        ("B37", "ports: ['80:80:80']", "not a port"),
        ("B37", "ports: ['9-8:80-81']", "same length"),
        ("B37", "ports: [{published: 80}]", "target is required"),
        ("B37", "ports: ['8080:80', '8080:81']", "already published"),
        ("B37", "ports: ['80:80']\n    deploy: {endpoint_mode: dnsrr}", "mode: host"),
        ("B38", "networks: [x]", "undefined network 'x'"),
        ("B38", "secrets: [x]", "undefined secret 'x'"),
        ("B38", "configs: [x]", "undefined config 'x'"),
        ("B38", "volumes: [x:/y]", "undefined volume 'x'"),
        ("B38", "volumes: [/y, /y]", "used twice"),
        ("B41", "healthcheck: {interval: 10, test: x}", "write '10s'"),
        ("B41", "healthcheck: {interval: 10us, test: x}", "too short"),
        ("B41", "healthcheck: {test: [curl, x]}", "CMD"),
        ("B42", "ulimits: {nofle: 5}", "did you mean 'nofile'?"),
        ("B42", "ulimits: {nofile: {soft: 200, hard: 100}}", "soft 200 is above hard 100"),
        ("B42", "ulimits: {memlock: {soft: -1, hard: 100}}", "soft -1 (no limit) is above hard 100"),
        ("B05", "stop_signal: SIGTREM", "did you mean 'SIGTERM'?"),
        ("B05", "working_dir: app", "is not an absolute path"),
        ("B42", "deploy: {resources: {limits: {cpus: '0.0001'}}}", "0.001"),
        ("B42", "deploy: {resources: {limits: {memory: 1M}}}", "4M"),
        ("B42", "deploy: {resources: {limits: {memory: lots}}}", "not a size"),
        ("B42", "deploy: {resources: {limits: {memory: 64M}, reservations: {memory: 1G}}}", "smaller"),
        ("B43", "depends_on: [zz]", "unknown service 'zz'"),
        ("B43", "depends_on: {zz: {required: true}}", "unknown service 'zz'"),
        ("B39", "env_file: [{path: x.env, required: false}]", "write the path alone"),
        ("B43", "depends_on: [a]", "cycle a -> a"),
        ("B43", "depends_on: {a: {condition: healthy}}", "service_healthy"),
    ],
)
def test_a_bad_service_is_refused_with_its_place(tmp_path: Path, code: str, lines: str, says: str) -> None:
    complaints = refused(tmp_path, f"services:\n  a:\n    image: img:1\n    {lines}\n")
    assert code in {complaint.code for complaint in complaints}
    told = [complaint for complaint in complaints if complaint.code == code]
    assert any(says in str(complaint) for complaint in told)
    assert all(complaint.line >= 2 and complaint.path.startswith("services.a") for complaint in told)


@pytest.mark.parametrize("size", [(1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_a_file_of_variables_is_read_whole_or_refused(tmp_path: Path, size: int) -> None:
    lines = "A=b\n" * (size // 4)
    (tmp_path / "large.env").write_text(lines + "#" * (size - len(lines)))
    (tmp_path / "stack.yaml").write_text("services: {a: {image: 'img:1', env_file: large.env}}")
    if size <= 1 << 20:
        assert load_stack(tmp_path / "stack.yaml", name="s", environment={}).service("a").environment == {"A": "b"}
        return
    (complaint,) = refused(tmp_path, "services: {a: {image: 'img:1', env_file: large.env}}")
    assert (complaint.code, complaint.path) == ("B39", "services.a.env_file")
    assert "larger than 1 MiB" in str(complaint)


@pytest.mark.parametrize(
    ("code", "text", "says"),
    [
        ("B01", None, "cannot read stack file"),
        ("B02", "services: {a: {image: x, image: y}}", "twice"),
        ("B04", "services: !!python/name:os.system {}", "unsupported YAML tag"),
        ("B05", "servces: {}", "did you mean 'services'?"),
        ("B18", "services: {'a b': {image: x}}", "name 'a b'"),
        ("B28", "services: {}", "no services"),
        ("B28", "", "no services"),
        ("B28", "[]", "no services"),
        ("B28", "services: {a: {}}", "image is required"),
        ("B28", "services: {a: {image: 'UPPER:1'}}", "not an image reference"),
        ("B05", "include: [x]\nservices: {a: {image: 'i:1'}}", "unknown key 'include'"),
        ("B05", "version: '2.1'\nservices: {a: {image: 'i:1'}}", "version '2.1'"),
        ("B37", "services: {a: {image: 'i:1', ports: ['1:1']}, b: {image: 'i:1', ports: ['1:2']}}", "published by 'a'"),
        ("B39", "services: {a: {image: 'i:1', secrets: [p]}}\nsecrets: {p: {file: ./none}}", "no such file"),
        ("B39", "services: {a: {image: 'i:1', secrets: [p]}}\nsecrets: {p: {file: ./empty}}", "is empty"),
        ("B39", "services: {a: {image: 'i:1', secrets: [p]}}\nsecrets: {p: {file: ./large}}", "too large"),
        ("B39", "services: {a: {image: 'i:1', secrets: [p]}}\nsecrets: {p: {environment: NOT_SET}}", "not set"),
        ("B39", "services: {a: {image: 'i:1', secrets: [p]}}\nsecrets: {p: {}}", "needs one of"),
        (
            "B43",
            "{services: {b: {image: x}, a: {image: x, depends_on: {b: {condition: service_completed_successfully}}}}}",
            "only a job does",
        ),
        (
            "B43",
            "services: {a: {image: 'i:1', depends_on: [b]}, b: {image: 'i:1', depends_on: [a]}}",
            "cycle a -> b -> a",
        ),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, code: str, text: str | None, says: str) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "large").write_bytes(b"x" * (500 << 10))
    if text is None:
        with pytest.raises(InputError, match=says):
            load_stack(tmp_path / "none.yaml")
        return
    complaints = refused(tmp_path, text)
    assert code in {complaint.code for complaint in complaints}
    assert any(says in str(complaint) for complaint in complaints)


LAN = "driver: macvlan, ipam: {config: [{subnet: 10.8.0.0/24}]}, "


@pytest.mark.parametrize(
    ("code", "settings", "says"),
    [
        ("B18", "name: 'a;b'", "name 'a;b'"),
        ("B25", "ipam: {config: [{subnet: 10.1.1.1/8}]}", "host bits"),
        ("B32", "driver: macvlan", "x-swarmkit: {parent"),
        ("B32", "driver: Overlay", "did you mean 'overlay'?"),
        ("B32", "driver: 'bridge '", "did you mean 'bridge'?"),
        ("B32", "driver: a//b", "bridge, ipvlan, macvlan, overlay, and the plugins"),
        ("B32", "driver: host", "external: true, name: host"),
        ("B32", "external: true, name: none", "internal: true"),
        ("B25", LAN + "x-swarmkit: {parent: eth0}", "which addresses"),
        ("B25", LAN + "x-swarmkit: {range: 10.9.0.0/28}", "no range of the subnet"),
        ("B25", LAN + "x-swarmkit: {range: 10.8.0.64/28, gateway: 10.9.0.1}", "no address of the subnet"),
        (
            "B25",
            LAN + "x-swarmkit: {hosts: {A: {range: 10.8.0.64/27}, B: {range: 10.8.0.80/28}}}",
            "two tasks could get one address",
        ),
        (
            "B32",
            LAN.replace("}]", ", gateway: 10.8.0.1}]") + "x-swarmkit: {range: 10.8.0.64/28}",
            "x-swarmkit: {gateway",
        ),
        ("B32", "ipam: {config: [{subnet: 10.8.0.0/24, ip_range: 10.8.0.0/28}]}", "swarmkit network create"),
        ("B46", "driver_opts: {encrypted: 'false'}", "presence"),
        ("B46", "driver_opts: {encrypted: false}", "presence"),
        ("B46", "x-swarmkit: {encrypted: false}", "reason"),
        ("B47", "driver_opts: {com.docker.network.driver.mtu: 9}", "576"),
    ],
)
def test_a_bad_network_is_refused(tmp_path: Path, code: str, settings: str, says: str) -> None:
    text = f"services: {{a: {{image: 'i:1', networks: [n]}}}}\nnetworks:\n  n: {{{settings}}}\n"
    complaints = refused(tmp_path, text)
    assert [(complaint.code, complaint.line) for complaint in complaints] == [(code, 3)]
    assert says in str(complaints[0])


@pytest.mark.parametrize(("what", "limit"), [("secret", 500 << 10), ("config", 1000 << 10)])
def test_a_variable_or_text_that_the_engine_takes_as_no_file_for_its_size_is_refused(
    tmp_path: Path, what: str, limit: int
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(f"services: {{a: {{image: 'i:1', {what}s: [p]}}}}\n{what}s: {{p: {{environment: LARGE}}}}\n")
    assert load_stack(path, environment={"LARGE": "x" * (limit - 1)}).services
    with pytest.raises(InputError, match=f"the variable 'LARGE' is too large.*less than {limit >> 10} KiB"):
        load_stack(path, environment={"LARGE": "x" * limit})


def test_every_complaint_is_told_at_once(tmp_path: Path) -> None:
    text = "services:\n  a: {mem_limit: 5m, networks: [x]}\n  b: {image: 'i:1', deploy: {replicas: -1}}\n"
    told = sorted((complaint.line, complaint.code) for complaint in refused(tmp_path, text))
    assert told == [(2, "B28"), (2, "B32"), (2, "B38"), (3, "B33")]


_INNER = ["target", "published", "source", "type", "test", "interval", "replicas", "mode", "limits", "memory", "file"]
_VALUES = ["10s", "512M", "0.5", "80:80", "a:/b", "node.role == manager", "${A:-b}", "${", "$$", "i:1", "overlay", "<<"]
_TOP = ["services", "networks", "volumes", "secrets", "configs", "name", "version", "x-a", "a", "b", "external"]
_NETWORK = ["driver_opts", "x-swarmkit", "ipam"]
WORDS = st.sampled_from([*_TOP, *_INNER, *_VALUES, *_NETWORK, *KEYS["services.*"], *sorted(IGNORED)])
SCALARS = WORDS | st.text(max_size=10) | st.integers() | st.floats() | st.booleans() | st.none()
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=6), inner, max_size=6)
)


def is_answered(path: Path, text: str) -> bool:
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        return isinstance(load_stack(path, name="s", environment={"A": "x"}), Stack)
    except InputError as error:
        return all(str(complaint).isprintable() for complaint in error.complaints) and bool(error.complaints)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    service=st.dictionaries(st.sampled_from(KEYS["services.*"]), TREES, max_size=6),
    rest=st.dictionaries(WORDS, TREES, max_size=4),
)
def test_any_tree_is_a_stack_or_a_refusal(tmp_path: Path, service: dict[str, object], rest: dict[str, object]) -> None:
    whole = {**rest, "services": {"a": {"image": "i:1", **service}, "b": rest}}
    assert is_answered(tmp_path / "stack.yaml", json.dumps(whole))
    assert is_answered(tmp_path / "stack.yaml", json.dumps(rest))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=150))
def test_any_text_is_a_stack_or_a_refusal(tmp_path: Path, text: str) -> None:
    assert is_answered(tmp_path / "stack.yaml", text)


def test_a_name_that_a_plugin_may_have_is_for_the_hosts_to_say(tmp_path: Path) -> None:
    for driver in (
        "brigde",
        "acme/net-plugin:v1.0",
        "registry.example:5000/acme",
        "weaveworks/net-plugin:latest_release",
    ):
        path = tmp_path / "stack.yaml"
        path.write_text(f"services: {{a: {{image: 'a:1'}}}}\nnetworks: {{default: {{driver: '{driver}'}}}}\n")
        assert load_stack(path, name="s", environment={}).networks[0].driver == driver


def test_a_name_that_is_refused_is_not_said_to_be_undefined_as_well(tmp_path: Path) -> None:
    text = "services: {a: {image: 'i:1', networks: [né]}}\nnetworks: {né: {}}\n"
    assert [complaint.code for complaint in refused(tmp_path, text)] == ["B18"]
    assert [one.code for one in refused(tmp_path, text.partition("networks: {né")[0])] == ["B38"]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("x-swarmkit: {encrypted: false, reason: x}", "x-swarmkit"),
        ("services: {w: {image: i, x-swarmkit: {encrypted: false, reason: x}}}", "services.w.x-swarmkit"),
        ("services: {w: {image: i, deploy: {x-swarmkit: {}}}}", "services.w.deploy.x-swarmkit"),
        ("secrets: {s: {external: true, x-swarmkit: {}}}", "secrets.s.x-swarmkit"),
        ("networks: {x-swarmkit: {encrypted: false, reason: x}}", "networks.x-swarmkit"),
    ],
)
def test_our_own_extension_is_refused_where_nothing_of_it_is_read(tmp_path: Path, text: str, path: str) -> None:
    more = "" if text.startswith("services") else "\nservices: {w: {image: i}}"
    (complaint,) = refused(tmp_path, text + more)
    assert (complaint.code, complaint.path) == ("B05", path)
    assert complaint.what == "nothing is read of x-swarmkit here"


def test_an_extension_that_is_nearly_ours_is_warned_of_and_others_are_not(tmp_path: Path) -> None:
    path = tmp_path / "stack.yaml"
    path.write_text(
        "x-swarm: {}\nx-logging: {}\nservices: {w: {image: 'i:1', networks: [n], x-swarmkits: {}}}\n"
        "networks: {n: {x-swarmkt: {encrypted: false, reason: x}}}\n"
    )
    told = [(one.code, one.path, one.to_do) for one in load_stack(path, name="s", environment={}).warnings]
    assert told == [
        ("B05", "services.w.x-swarmkits", "x-swarmkit is read of networks and volumes alone"),
        ("B05", "networks.n.x-swarmkt", "did you mean 'x-swarmkit'?"),
    ]


def test_a_parent_that_is_said_twice_is_warned_of_where_it_is_passed_over(tmp_path: Path) -> None:
    settings = LAN + "driver_opts: {parent: eth1}, x-swarmkit: {parent: eth0, range: 10.8.0.64/28}"
    (path := tmp_path / "s.yaml").write_text(
        f"services: {{a: {{image: 'r.example/i:1', networks: [n]}}}}\nnetworks:\n  n: {{{settings}}}\n"
    )
    (warning,) = load_stack(path, name="s", environment={}).warnings
    assert (warning.code, warning.path) == ("B31", "networks.n.driver_opts.parent")
