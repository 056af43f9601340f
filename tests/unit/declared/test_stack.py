"""What a stack file becomes: short and long forms, defaults, names, variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmkit.declared.stack.container_options import CredentialSpec, Dns, Logging, Ulimit
from swarmkit.declared.stack.reading import load_stack
from swarmkit.declared.stack.service import (
    FileReference,
    Mount,
    Port,
    RestartPolicy,
    Service,
    ServiceNetwork,
    Stack,
    UpdateConfig,
)
from swarmkit.errors import Complaint, InputError

ROOT = Path(__file__).parents[3]
SECOND = 10**9


def load(tmp_path: Path, text: str, *, name: str | None = "s", environment: dict[str, str] | None = None) -> Stack:
    path = tmp_path / "stack.yaml"
    path.write_text(text)
    return load_stack(path, name=name, environment=environment or {})


def service(tmp_path: Path, lines: str, *, rest: str = "", environment: dict[str, str] | None = None) -> Service:
    text = f"services:\n  a:\n    image: img:1\n    {lines}\n{rest}"
    return load(tmp_path, text, environment=environment).services[0]


def warned(stack: Stack) -> list[Complaint]:
    return list(stack.warnings)


def test_the_shop_loads_without_a_warning(tmp_path: Path) -> None:
    (tmp_path / "stack.yaml").write_text((ROOT / "examples/shop/stack.yaml").read_text())
    (tmp_path / "db_password.txt").write_text("x")
    (tmp_path / "db_password.txt").chmod(0o600)
    stack = load_stack(tmp_path / "stack.yaml", name="shop", environment={})
    assert [one.name for one in stack.services] == ["frontend", "backend", "database"]
    assert stack.warnings == ()
    assert stack.networks[0].encrypted
    assert stack.service("frontend").depends_on == {"backend": "service_healthy"}


def test_the_name_is_the_argument_then_the_files_then_the_folders(tmp_path: Path) -> None:
    text = "services: {a: {image: 'i:1'}}"
    assert load(tmp_path, "name: inner\n" + text, name="outer").name == "outer"
    assert load(tmp_path, "name: inner\n" + text, name=None).name == "inner"
    assert load(tmp_path, text, name=None).name == tmp_path.name
    (tmp_path / "blog.yml").write_text(text)
    assert load_stack(tmp_path / "blog.yml", environment={}).name == "blog"


def test_a_service_without_networks_is_on_the_default_one(tmp_path: Path) -> None:
    stack = load(tmp_path, "services: {a: {image: 'i:1'}}")
    assert stack.services[0].networks == (ServiceNetwork("default"),)
    assert [network.name for network in stack.networks] == ["s_default"]


def test_an_unused_network_is_not_made(tmp_path: Path) -> None:
    stack = load(tmp_path, "services: {a: {image: 'i:1'}}\nnetworks: {other: {}}")
    assert [network.key for network in stack.networks] == ["default"]
    assert "'other'" in warned(stack)[0].what


@pytest.mark.parametrize(
    ("written", "ports"),
    [
        ("['80']", [Port(80, None)]),
        ("[80]", [Port(80, None)]),
        ("['8080:80/udp']", [Port(80, 8080, "udp")]),
        ("['9000-9001:80-81']", [Port(80, 9000), Port(81, 9001)]),
        ("['80-81']", [Port(80, None), Port(81, None)]),
        ("[{target: 80, published: '8080', mode: host}]", [Port(80, 8080, "tcp", "host")]),
    ],
)
def test_ports(tmp_path: Path, written: str, ports: list[Port]) -> None:
    assert list(service(tmp_path, f"ports: {written}").ports) == ports


@pytest.mark.parametrize(
    ("written", "mount"),
    [
        ("data:/x", Mount("volume", "/x", "data")),
        ("data:/x:ro", Mount("volume", "/x", "data", read_only=True)),
        ("/x", Mount("volume", "/x")),
        ("/etc/y:/x:ro", Mount("bind", "/x", "/etc/y", read_only=True)),
        ("{type: tmpfs, target: /x, tmpfs: {size: 1024}}", Mount("tmpfs", "/x", tmpfs_size_bytes=1024)),
        ("{type: tmpfs, source: '', target: /x}", Mount("tmpfs", "/x")),
        ("{source: data, target: /x, volume: {nocopy: true}}", Mount("volume", "/x", "data", no_copy=True)),
        (
            "{type: bind, source: /y, target: /x, bind: {propagation: rshared}}",
            Mount("bind", "/x", "/y", propagation="rshared"),
        ),
    ],
)
def test_volumes(tmp_path: Path, written: str, mount: Mount) -> None:
    assert service(tmp_path, f"volumes: [{written}]", rest="volumes: {data: {}}").mounts == (mount,)


def test_secrets_keep_their_target_and_octal_mode(tmp_path: Path) -> None:
    (tmp_path / "pw").write_bytes(b"geheim")
    text = "secrets: [pw, {source: pw, target: other, uid: '7', mode: 0400}]"
    rest = "secrets: {pw: {file: ./pw}}"
    assert service(tmp_path, text, rest=rest).secrets == (
        FileReference("pw", "pw"),
        FileReference("pw", "other", uid="7", mode=0o400),
    )


def test_the_content_of_a_secret_is_held_out_of_print(tmp_path: Path) -> None:
    (tmp_path / "pw").write_bytes(b"geheim")
    text = "services: {a: {image: 'i:1', secrets: [f, e]}}\nsecrets: {f: {file: pw}, e: {environment: PW}}"
    stack = load(tmp_path, text, environment={"PW": "geheim"})
    assert [secret.content.text() for secret in stack.secrets if secret.content] == ["geheim", "geheim"]
    assert "geheim" not in repr(stack)
    assert [secret.name for secret in stack.secrets] == ["s_f", "s_e"]


def test_a_secret_file_that_hides_something_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "pw").write_bytes(b"x\r\n")
    (tmp_path / "pw").chmod(0o644)
    stack = load(tmp_path, "services: {a: {image: 'i:1', secrets: [f]}}\nsecrets: {f: {file: pw}}")
    assert ["readable by everybody" in one.what or "Windows" in one.what for one in warned(stack)] == [True, True]


def test_external_objects_keep_their_own_names(tmp_path: Path) -> None:
    text = """
services: {a: {image: "i:1", networks: [n, m], secrets: [p]}}
networks: {n: {external: true}, m: {external: {name: other}}}
secrets: {p: {external: true, name: shared_p}}
"""
    stack = load(tmp_path, text)
    assert [network.name for network in stack.networks] == ["n", "other"]
    assert (stack.secrets[0].name, stack.secrets[0].content) == ("shared_p", None)


def test_values_become_text_as_docker_prints_them(tmp_path: Path) -> None:
    written = "environment: {A: 1.10, B: 0755, C: true, D: 1e6, E: null, F: '', G: 0.00001, H: 'x'}"
    environment = service(tmp_path, written, environment={"F": "from outside", "H": "not this"}).environment
    assert environment == {
        "A": "1.1",
        "B": "493",
        "C": "true",
        "D": "1e+06",
        "E": None,
        "F": "from outside",
        "G": "1e-05",
        "H": "x",
    }


def test_commands_are_split_or_taken_as_lists(tmp_path: Path) -> None:
    one = service(tmp_path, "command: sh -c 'a b'\n    entrypoint: [x, 5]")
    assert (one.command, one.entrypoint) == (("sh", "-c", "a b"), ("x", "5"))


def test_an_empty_word_of_deploy_is_not_written_as_in_docker(tmp_path: Path) -> None:
    words = "mode: '', endpoint_mode: '', restart_policy: {condition: ''}, update_config: {failure_action: ''}"
    deploy = service(tmp_path, f"deploy: {{{words}}}").deploy
    assert (deploy.mode, deploy.endpoint_mode) == ("replicated", None)
    assert deploy.restart_policy == RestartPolicy()
    assert deploy.update_config == UpdateConfig()


def test_a_health_check_every_0s_goes_by_the_engines_default_as_in_docker(tmp_path: Path) -> None:
    check = service(tmp_path, "healthcheck: {test: x, interval: 0s, timeout: 0s}").health_check
    assert check is not None
    assert (check.interval_nanoseconds, check.timeout_nanoseconds) == (None, None)


def test_a_dependency_that_is_not_required_may_be_in_no_file(tmp_path: Path) -> None:
    text = """services:
  a: {image: "i:1", depends_on: {b: {required: false, condition: service_healthy}, z: {required: false}}}
  b: {image: "i:1", depends_on: {c: {required: true, restart: true}}}
  c: {image: "i:1"}
"""
    stack = load(tmp_path, text)
    assert stack.service("a").depends_on == {"b": "service_healthy"}
    assert stack.service("b").depends_on == {"c": "service_started"}
    told = [(warning.code, warning.path) for warning in stack.warnings if "depends_on" in warning.path]
    assert told == [("B43", "services.a.depends_on.z"), ("B31", "services.b.depends_on.c.restart")]


def test_depends_on_as_a_list_waits_for_health_as_a_map_for_what_it_says(tmp_path: Path) -> None:
    text = """
services:
  a: {image: "i:1", depends_on: [b]}
  b: {image: "i:1", depends_on: {c: {condition: service_completed_successfully}, d: {}}}
  c: {image: "i:1", deploy: {mode: replicated-job}}
  d: {image: "i:1"}
"""
    stack = load(tmp_path, text)
    assert stack.service("a").depends_on == {"b": "service_healthy"}
    assert stack.service("b").depends_on == {"c": "service_completed_successfully", "d": "service_started"}


def test_anchors_merges_and_extensions(tmp_path: Path) -> None:
    text = """
x-base: &base {interval: 5s, retries: 3}
services:
  a:
    image: i:1
    x-note: ours
    healthcheck: {<<: [*base], test: "true", interval: 1m30s}
"""
    check = load(tmp_path, text).services[0].health_check
    assert check
    assert (check.test, check.interval_nanoseconds, check.retries) == (("CMD-SHELL", "true"), 90 * SECOND, 3)


def test_deploy_is_read_in_the_apis_units(tmp_path: Path) -> None:
    deploy = service(
        tmp_path,
        """deploy:
      replicas: 3
      placement: {constraints: [node.labels.a == b], preferences: [{spread: node.labels.z}], max_replicas_per_node: 1}
      resources: {limits: {cpus: '0.5', memory: 1.5G, pids: 9}, reservations: {memory: 64M}}
      restart_policy: {condition: on-failure, delay: 500ms}
      update_config: {parallelism: 0, order: start-first, max_failure_ratio: 0.25}""",
    ).deploy
    assert (deploy.replicas, deploy.constraints, deploy.spread) == (3, ("node.labels.a == b",), ("node.labels.z",))
    assert (deploy.limits.nano_cpus, deploy.limits.memory_bytes, deploy.limits.pids) == (5 * 10**8, 3 << 29, 9)
    assert deploy.restart_policy
    assert deploy.restart_policy.delay_nanoseconds == SECOND // 2
    assert deploy.update_config
    assert (deploy.update_config.parallelism, deploy.update_config.max_failure_ratio) == (0, 0.25)


def test_ulimits_take_one_number_or_two(tmp_path: Path) -> None:
    limits = service(tmp_path, "ulimits: {nproc: 5, nofile: {soft: 1, hard: 2}}").ulimits
    assert limits == (Ulimit("nofile", 1, 2), Ulimit("nproc", 5, 5))


def test_a_plaintext_network_keeps_its_reason(tmp_path: Path) -> None:
    text = (
        "services: {a: {image: 'i:1', networks: [n]}}\nnetworks: {n: {x-swarmkit: {encrypted: false, reason: video}}}"
    )
    network = load(tmp_path, text).networks[0]
    assert (network.plaintext_reason, network.encrypted) == ("video", False)


def test_an_unset_variable_becomes_empty_with_a_warning(tmp_path: Path) -> None:
    stack = load(tmp_path, "services: {a: {image: 'i:1', hostname: 'x$NOPE'}}")
    assert stack.services[0].hostname == "x"
    assert warned(stack)[0].code == "B36"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("image: postgres:16\n    volumes: [d:/x]", "nothing pins the database"),
        ("image: postgres:16\n    volumes: [d:/x]\n    deploy: {replicas: 2}", "several replicas"),
        (
            "image: postgres:16\n    volumes: [d:/x]\n    deploy: {update_config: {order: start-first}}",
            "two database servers",
        ),
        ("image: postgres:16\n    volumes: [d:/x]\n    healthcheck: {test: x}", "no start_period"),
        (
            "image: web:1\n    volumes: [d:/x]\n    deploy: {replicas: 2, update_config: {order: start-first}}",
            "one volume",
        ),
        ("image: web:latest", "not pinned"),
        ("image: web", "not pinned"),
        ("image: web:1\n    healthcheck: {test: x, interval: 1s, timeout: 9s}", "longer than the interval"),
    ],
)
def test_what_endangers_data_is_warned_of(tmp_path: Path, lines: str, says: str) -> None:
    stack = load(tmp_path, f"services:\n  a:\n    {lines}\nvolumes: {{d: {{}}}}")
    assert any(says in one.what for one in warned(stack))


def test_each_object_knows_its_line(tmp_path: Path) -> None:
    stack = load(tmp_path, "services:\n  a:\n    image: i:1\n    networks: [n]\nnetworks:\n  n:\n")
    assert stack.services[0].place.endswith(":2")
    assert stack.networks[0].place.endswith(":6")


@pytest.mark.parametrize(
    ("lines", "key", "value"),
    [
        ("extra_hosts: [db:10.0.0.1, 'six:::1']", "extra_hosts", ("10.0.0.1 db", "::1 six")),
        ("extra_hosts: {b: 10.0.0.2, a: 10.0.0.1}", "extra_hosts", ("10.0.0.1 a", "10.0.0.2 b")),
        ("dns: 1.1.1.1\n    dns_search: [a, b]", "dns", Dns(("1.1.1.1",), ("a", "b"))),
        ("logging: {driver: json-file, options: {max-file: 3}}", "logging", Logging("json-file", {"max-file": "3"})),
        ("credential_spec: {registry: me}", "credential_spec", CredentialSpec(registry="me")),
        ("tty: true", "tty", True),
        ("stdin_open: true", "stdin_open", True),
        ("isolation: hyperv", "isolation", "hyperv"),
        ("oom_score_adj: -5", "oom_score_adj", -5),
        ("hostname: '{{.Node.Hostname}}'", "hostname", "{{.Node.Hostname}}"),
    ],
)
def test_options_of_containers(tmp_path: Path, lines: str, key: str, value: object) -> None:
    assert getattr(service(tmp_path, lines), key) == value


def test_files_of_variables_come_before_the_variables_themselves(tmp_path: Path) -> None:
    (tmp_path / "one.env").write_text("# why\nA=from one\nB='quoted' $A\n\nGIVEN\nMISSING\nEMPTY=\n")
    (tmp_path / "two.env").write_text("A=from two\nC=x=y\n")
    lines = "env_file: [one.env, two.env]\n    environment: {C: z}"
    read = service(tmp_path, lines, environment={"GIVEN": "g", "EMPTY": "e"}).environment
    assert read == {"A": "from two", "B": "'quoted' $A", "GIVEN": "g", "EMPTY": "e", "C": "z"}


@pytest.mark.parametrize(
    "lines",
    [
        "build: .",
        "privileged: true",
        "tmpfs: /run",
        "container_name: x",
        "network_mode: host",
        "ports: ['127.0.0.1:80:80']",
        "volumes: ['/x:/y:z']",
        "networks: {default: {ipv4_address: 10.0.0.9}}",
        "volumes: [{type: volume, source: v, target: /x, volume: {labels: {a: b}}}]",
        "volumes: [{type: bind, source: /x, target: /x, bind: {nonsense: 1}}]",
        "volumes: [{type: tmpfs, target: /x, tmpfs: {nonsense: 1}}]",
        "secrets: [{source: s, required: true}]",
        "configs: [{source: c, required: true}]",
    ],
)
def test_what_a_swarm_ignores_is_warned_of_and_left_out(tmp_path: Path, lines: str) -> None:
    files = "".join(f"{kind}: {{{kind[0]}: {{external: true}}}}\n" for kind in ("secrets", "configs") if kind in lines)
    files += "volumes: {v: }\n" if "source: v" in lines else ""
    stack = load(tmp_path, f"services:\n  a:\n    image: i:1\n    {lines}\n{files}")
    assert [(one.code, one.line) for one in warned(stack)] == [("B31", 4)]


def test_a_key_that_is_dropped_where_dockers_schema_is_open_is_told_with_the_nearest_known_one(tmp_path: Path) -> None:
    mount = "{type: volume, source: v, target: /x, volume: {nocpy: true}}"
    stack = load(tmp_path, f"services:\n  a:\n    image: i:1\n    volumes: [{mount}]\nvolumes: {{v: }}\n")
    assert ["did you mean 'nocopy'?" in one.to_do for one in warned(stack)] == [True]


def test_no_limit_and_numbers_as_large_as_the_engine_counts_are_taken(tmp_path: Path) -> None:
    most = 2**63 - 1
    deploy = service(
        tmp_path,
        f"""deploy:
      placement: {{max_replicas_per_node: 0}}
      restart_policy: {{max_attempts: {most}}}
      update_config: {{parallelism: {most}}}""",
    ).deploy
    assert deploy.max_replicas_per_node is None
    assert deploy.restart_policy
    assert deploy.update_config
    assert (deploy.restart_policy.max_attempts, deploy.update_config.parallelism) == (most, most)


@pytest.mark.parametrize(
    ("written", "policy"),
    [
        ("always", RestartPolicy("any")),
        ("unless-stopped", RestartPolicy("any")),
        ("on-failure:3", RestartPolicy("on-failure", max_attempts=3)),
        ("'no'", None),
    ],
)
def test_restart_is_read_as_docker_reads_it(tmp_path: Path, written: str, policy: RestartPolicy | None) -> None:
    one = service(tmp_path, f"restart: {written}")
    assert one.deploy.restart_policy == policy
    both = service(tmp_path, f"restart: {written}\n    deploy: {{restart_policy: {{condition: none}}}}")
    assert both.deploy.restart_policy == RestartPolicy("none")


def test_a_relative_bind_is_completed_with_a_warning(tmp_path: Path) -> None:
    stack = load(tmp_path, "services: {a: {image: 'i:1', volumes: ['./x:/y', '~/z:/z']}}", environment={"HOME": "/h"})
    assert [mount.source for mount in stack.services[0].mounts] == [f"{tmp_path}/x", "/h/z"]
    assert [one.code for one in warned(stack)] == ["B34", "B34"]


def test_one_port_is_published_on_each_of_a_range(tmp_path: Path) -> None:
    assert service(tmp_path, "ports: ['9000-9001:80']").ports == (Port(80, 9000), Port(80, 9001))


def test_secrets_of_drivers_and_configs_in_the_file_need_no_other_file(tmp_path: Path) -> None:
    text = """
services: {a: {image: "i:1", secrets: [s], configs: [c]}}
secrets: {s: {driver: vault, driver_opts: {path: x}}}
configs: {c: {content: "hello", template_driver: golang}}
"""
    stack = load(tmp_path, text)
    assert (stack.secrets[0].driver, stack.secrets[0].content) == ("vault", None)
    assert stack.configs[0].content
    assert (stack.configs[0].content.text(), stack.configs[0].template_driver) == ("hello", "golang")


CHECK = "healthcheck: {test: 'true', interval: 10s, retries: 3}"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (f"{CHECK}\n    deploy: {{update_config: {{failure_action: rollback, monitor: 20s}}}}", "write monitor: 30s"),
        (f"{CHECK}\n    deploy: {{update_config: {{failure_action: pause}}}}", "pause comes too late"),
        (f"{CHECK}\n    deploy: {{update_config: {{failure_action: rollback, monitor: 30s}}}}", ""),
        (f"{CHECK}\n    deploy: {{update_config: {{failure_action: continue}}}}", ""),
        (f"{CHECK}\n    deploy: {{update_config: {{monitor: 1s}}}}", "pause comes too late"),
        (f"{CHECK}\n    deploy: {{update_config: {{parallelism: 1}}}}", ""),
        ("deploy: {update_config: {failure_action: rollback, monitor: 1s}}", ""),
        ("healthcheck: {disable: true}\n    deploy: {update_config: {failure_action: rollback}}", ""),
    ],
)
def test_an_update_that_is_watched_for_less_than_its_health_check_needs_to_fail_is_warned_of(
    tmp_path: Path, lines: str, told: str
) -> None:
    stack = load(tmp_path, f"services:\n  a:\n    image: i:1\n    {lines}\n")
    found = [f"{one.what} {one.to_do}" for one in warned(stack) if one.code == "H72"]
    assert [told in text for text in found] == ([True] if told else [])


@pytest.mark.parametrize(
    ("image", "ports", "warns"),
    [
        ("postgres:15", "['5432:5432']", True),
        ("r.example/team/mariadb:11", "[{target: 3306, published: 3306, mode: host}]", True),
        ("postgres:15", "['5432']", False),
        ("nginx:1", "['80:80']", False),
    ],
)
def test_a_published_port_of_a_database_is_warned_of(tmp_path: Path, image: str, ports: str, warns: bool) -> None:
    stack = load(tmp_path, f"services: {{a: {{image: '{image}', ports: {ports}}}}}")
    assert [one.path for one in warned(stack) if one.code == "H81"] == (["services.a.ports"] if warns else [])


@pytest.mark.parametrize(
    ("lines", "subnets", "warns"),
    [
        ("", "{subnet: 10.1.0.0/29}, {subnet: 10.2.0.0/24}", True),
        ("", "{subnet: 10.2.0.0/24}", False),
        ("deploy: {endpoint_mode: dnsrr}", "{subnet: 10.1.0.0/29}, {subnet: 10.2.0.0/24}", False),
    ],
)
def test_a_vip_that_may_be_in_another_subnet_is_warned_of(
    tmp_path: Path, lines: str, subnets: str, warns: bool
) -> None:
    network = f"{{ipam: {{config: [{subnets}]}}}}"
    text = f"services:\n  a:\n    image: 'i:1'\n    networks: [n]\n    {lines}\nnetworks: {{n: {network}}}"
    told = [warning for warning in warned(load(tmp_path, text)) if warning.code == "B50"]
    assert [warning.line for warning in told] == [4] * warns


@pytest.mark.parametrize(("ports", "warns"), [("['8077:8078']", True), ("[]", False)])
def test_a_port_that_takes_a_service_off_the_hosts_own_network_is_warned_of(
    tmp_path: Path, ports: str, warns: bool
) -> None:
    services = f"services:\n  a: {{image: 'i:1', networks: [n], ports: {ports}}}\n"
    text = f"{services}networks: {{n: {{external: true, name: host}}}}"
    told = [warning for warning in warned(load(tmp_path, text)) if warning.code == "B51"]
    assert ["port 8077 in ingress mode" in warning.what for warning in told] == [True] * warns


@pytest.mark.parametrize(("driver", "mode", "warns"), [
    ("macvlan", "host", True), ("ipvlan", "host", True), ("macvlan", "ingress", False), ("overlay", "host", False),
])  # fmt: skip
def test_a_port_in_host_mode_that_no_host_leads_to_a_task_on_a_lan_is_warned_of(
    tmp_path: Path, driver: str, mode: str, warns: bool
) -> None:
    ports = f"[{{target: 80, published: 8077, mode: {mode}}}]"
    lan = "" if driver == "overlay" else ", x-swarmkit: {parent: eth0, range: 10.8.0.64/28}"
    network = f"{{driver: {driver}, ipam: {{config: [{{subnet: 10.8.0.0/24}}]}}{lan}}}"
    text = f"services: {{a: {{image: 'i:1', networks: [n], ports: {ports}}}}}\nnetworks: {{n: {network}}}"
    told = [warning for warning in warned(load(tmp_path, text)) if warning.code == "B51"]
    assert ["port 8077 in host mode beside n" in warning.what for warning in told] == [True] * warns


@pytest.mark.parametrize(
    ("lines", "rest", "path"),
    [
        ("healthcheck: {disable: true, test: [], interval: 5s}", "", "services.a.healthcheck.interval"),
        ("restart: always\n    deploy: {restart_policy: {condition: none}}", "", "services.a.restart"),
        ("volumes: [{type: volume, target: /d, volume: {nocopy: true}}]", "", "services.a.volumes[0]"),
        ("secrets: [s]", "secrets: {s: {external: true, labels: {a: b}}}", "secrets.s.labels"),
        ("secrets: [s]", "secrets: {s: {external: true, template_driver: golang}}", "secrets.s.template_driver"),
        ("secrets: [s]", "secrets: {s: {environment: S, driver_opts: {a: b}}}", "secrets.s.driver_opts"),
    ],
)
def test_what_dockers_conversion_drops_without_a_word_is_warned_of(
    tmp_path: Path, lines: str, rest: str, path: str
) -> None:
    text = f"services:\n  a:\n    image: img:1\n    {lines}\n{rest}"
    assert path in [one.path for one in load(tmp_path, text, environment={"S": "x"}).warnings]


@pytest.mark.parametrize(
    ("lines", "path", "says"),
    [
        ("cap_add: [NET_ADMN]", "services.a.cap_add[0]", "did you mean 'NET_ADMIN'?"),
        ("cap_drop: [CAP_NOTHING]", "services.a.cap_drop[0]", "see capabilities(7)"),
        ("sysctls: {vm.max_map_count: 262144}", "services.a.sysctls.vm.max_map_count", "sysctl -w vm.max_map_count="),
        ("sysctls: [net.core.somaxconn=1, kernel.pid_max=9]", "services.a.sysctls[1]", "sysctl -w kernel.pid_max="),
    ],
)
def test_what_a_host_will_refuse_of_each_task_is_warned_of(tmp_path: Path, lines: str, path: str, says: str) -> None:
    (warning,) = load(tmp_path, f"services:\n  a:\n    image: img:1\n    {lines}\n").warnings
    assert (warning.code, warning.path) == ("B05", path)
    assert says in warning.to_do


def test_what_docker_takes_for_nothing_where_a_variable_is_not_set_is_nothing_here(tmp_path: Path) -> None:
    lines = "restart: ''\n    ports: [{target: 80, mode: '', protocol: ''}]"
    found = service(tmp_path, f"{lines}\n    deploy: {{resources: {{limits: {{cpus: ''}}}}}}")
    assert (found.deploy.restart_policy, found.deploy.limits.nano_cpus) == (None, None)
    assert found.ports == (Port(80, None, "tcp", "ingress"),)


def test_a_count_of_restarts_is_that_of_failures_alone(tmp_path: Path) -> None:
    assert service(tmp_path, "restart: always:3").deploy.restart_policy == RestartPolicy("any")
    assert service(tmp_path, "restart: on-failure:3").deploy.restart_policy == RestartPolicy("on-failure", None, 3)


def test_an_empty_health_check_is_one_that_passes_and_is_warned_of(tmp_path: Path) -> None:
    stack = load(tmp_path, "services: {a: {image: 'img:1', healthcheck: {test: '${UNSET-}'}}}")
    check = stack.service("a").health_check
    assert check
    assert check.test == ("CMD-SHELL", "")
    assert [(one.code, one.path) for one in stack.warnings] == [("B41", "services.a.healthcheck.test")]


def test_what_hosts_take_of_a_service_is_not_warned_of(tmp_path: Path) -> None:
    lines = (
        "cap_add: [all, CAP_SYS_TIME, bpf], cap_drop: ALL, stop_signal: sigrtmin+3, working_dir: 'C:\\app', "
        "sysctls: {net.ipv4.ip_forward: 1, kernel.shmmax: 1, fs.mqueue.msg_max: 5, net/core/somaxconn: 9}, "
        "ulimits: {nofile: {soft: 5, hard: -1}, memlock: -1, core: 0}"
    )
    assert load(tmp_path, f"services: {{a: {{image: 'img:1', {lines}}}}}").warnings == ()
    assert service(tmp_path, "stop_signal: 15").stop_signal == "15"


def test_a_network_that_no_service_is_on_is_still_one_that_may_be_meant(tmp_path: Path) -> None:
    path = tmp_path / "stack.yaml"
    path.write_text("services: {a: {image: 'img:1', networks: [bak]}, b: {image: 'img:1'}}\nnetworks: {back: }\n")
    with pytest.raises(InputError) as caught:
        load_stack(path, name="s", environment={})
    assert [(one.code, one.to_do) for one in caught.value.complaints] == [("B38", "did you mean 'back'?")]


def test_restart_no_is_told_to_mean_nothing_to_a_swarm(tmp_path: Path) -> None:
    stack = load(tmp_path, "services: {a: {image: 'img:1', restart: 'no'}}")
    assert "starts tasks again" in next(one.what for one in stack.warnings if one.path == "services.a.restart")
