"""Each row of the page's table "Where it differs": what Docker's own loader makes of a file, and what ours does."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from parity.judge import docker_cli

from swarmkit.declared.documents.complaints import Complaints
from swarmkit.declared.documents.nodes import plain
from swarmkit.declared.documents.yaml_source import parse_yaml
from swarmkit.declared.stack.reading import load_stack
from swarmkit.declared.stack.service import Service, Stack
from swarmkit.errors import InputError
from swarmkit.report.stack_differences import DIFFERENCES

FOLDER = Path(__file__).parent / "differs"
ENVIRONMENT = {"VERSION": "18"}
ROWS = {row.what for row in DIFFERENCES}

OF_THE_ENGINE = (
    "secrets and configs",
    "a stack that the other tool",
    "overlay networks",
    "images",
    "credentials of a registry",
    "`depends_on`",
    "a network that exists",
    "a network of the declared name",
    "another `driver`",
    "a published port that moves",
)
"""Beginnings of the rows that no loader shows: they are about what is there already, or what is made of it."""


@dataclass(frozen=True)
class Differing:
    """A file, or a folder's files merged, and what both tools make of it."""

    row: str
    """How the row's first column begins."""
    path: str
    docker: str
    """Part of what `docker stack config` prints as JSON, or of what it says on refusing."""
    ours: Callable[[Service], object] | None
    """None: refused, as *expected* says."""
    expected: object
    warns: str = ""


DIFFERING = (
    Differing("`depends_on` that names", "unknown-service.yaml", '"depends_on": ["nobody"]', None, "unknown service"),
    Differing("services that depend", "circle.yaml", '"depends_on": ["a"]', None, "cycle a -> b -> a"),
    Differing(
        "`$NAME-x`", "without-braces.yaml", '"node:18"', lambda a: a.image, "node:18-alpine", "a default or a message"
    ),
    Differing(
        "`${NAME?why-not}`", "message-with-dash.yaml", '"node:not"', lambda a: a.image, "node:18", "takes the dash"
    ),
    Differing(
        "`${NAME-x:-y}`", "two-operators.yaml", '"command": ["y"]', lambda a: a.command, ("x:-y",), "the name NO-x"
    ),
    Differing(
        "`v:/data`",
        "one-letter.yaml",
        '"target": "v:/data"',
        lambda a: [(mount.source, mount.target) for mount in a.mounts],
        [("v", "/data")],
    ),
    Differing(
        "a named pipe",
        "pipe.yaml",
        json.dumps(f"{FOLDER}/\\\\.\\pipe\\x"),
        lambda a: [(mount.type, mount.source) for mount in a.mounts],
        [("bind", r"\\.\pipe\x")],
    ),
    Differing(
        "log options",
        "later-log-options",
        '"logging": {"driver": "json-file"}',
        lambda a: a.logging and a.logging.options,
        {"max-size": "1m"},
    ),
    Differing(
        "several ports", "unpublished-ports", '"ports": [{"target": 82}]', lambda a: [p.target for p in a.ports],
        [80, 81, 82],
    ),
    Differing(
        "two ports of one file",
        "one-number",
        '"ports": [{"mode": "ingress", "target": 53, "published": 53, "protocol": "udp"}]',
        lambda a: [port.protocol for port in a.ports],
        ["tcp", "udp"],
    ),
    Differing(
        "two ports of one file", "one-number", '"secrets": [{"source": "s", "target": "y"}]',
        lambda a: [one.target for one in a.secrets], ["x", "y"],
    ),
    Differing("a value of another kind", "of-another-kind/user.yaml", "must be a string", lambda a: a.user, "1"),
    Differing("a value of another kind", "of-another-kind/tty.yaml", "must be a boolean", lambda a: a.tty, True),
    Differing(
        "a value of another kind", "of-another-kind/cpus.yaml", "must be a string",
        lambda a: a.deploy.limits.nano_cpus, 500_000_000,
    ),
    Differing("a value of another kind", "of-another-kind/cap-add.yaml", "be a list", lambda a: a.cap_add, ("ALL",)),
    Differing(
        "a value of another kind", "of-another-kind/retries.yaml", "must be a number",
        lambda a: a.health_check and a.health_check.retries, 3,
    ),
    Differing("a value of another kind", "of-another-kind/command.yaml", "must be a string", lambda a: a.command, None),
    Differing(
        "a value of another kind", "of-another-kind/extension.yaml", "x-a is not allowed",
        lambda a: a.logging and a.logging.options, {},
    ),
    Differing(
        "a second document", "second-document.yaml", '"services": {"a": {"image": "i:1"}}', lambda a: a.name, "a",
        "a second document",
    ),
    Differing("a file without services", "no-services.yaml", '"services": {}', None, "no services"),
    Differing(
        "`healthcheck.test: [curl, x]`", "health-words.yaml", '"test": ["curl", "x"]', None, "begins with NONE, CMD"
    ),
    Differing("what no task", "no-task-runs/limit.yaml", '"memory": "52428800"', None, "limits.memory is smaller"),
    Differing("what no task", "no-task-runs/port.yaml", '"published": 2377', None, "clashes with swarm's manager port"),
    Differing("what no task", "no-task-runs/replicas.yaml", '"replicas": 200000', None, "0-100000"),
    Differing("what no task", "no-task-runs/target.yaml", '"target": "data"', None, "is not an absolute path"),
    Differing("what no task", "no-task-runs/folder.yaml", '"working_dir": "app"', None, "is not an absolute path"),
    Differing("what no task", "no-task-runs/signal.yaml", '"stop_signal": "SIGTREM"', None, "no signal 'SIGTREM'"),
    Differing("what no task", "no-task-runs/ulimit.yaml", '"hard": 100', None, "soft 200 is above hard 100"),
    Differing("what no task", "no-task-runs/unknown-ulimit.yaml", '"nofle": 5', None, "no ulimit 'nofle'"),
    Differing("what no task", "no-task-runs/nul.yaml", r'"a\u0000b"', None, "cannot be passed on"),
    Differing("what no task", "no-task-runs/cluster.yaml", '"source": "nowhere"', None, "undefined volume 'nowhere'"),
    Differing("a version", "old-version.yaml", "is not allowed", lambda a: [c.source for c in a.configs], ["c"]),
)  # fmt: skip


def files_of(path: Path) -> list[Path]:
    return sorted(path.glob("*.yaml")) if path.is_dir() else [path]


# No host is needed, but the judge, which is fetched beside the tests that are of this group: two would fetch it twice.
@pytest.mark.lab
@pytest.mark.xdist_group("test_parity")
@pytest.mark.parametrize("case", DIFFERING, ids=lambda case: f"{case.path} {case.row}")
def test_dockers_own_loader_does_as_the_page_says(case: Differing) -> None:
    words = [word for path in files_of(FOLDER / case.path) for word in ("-c", str(path))]
    done = subprocess.run(
        [docker_cli(), "stack", "config", *words],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    is_refused = "be a" in case.docker or "not allowed" in case.docker
    assert (done.returncode != 0) == is_refused, done.stderr
    assert case.docker in (done.stderr if is_refused else as_json(done.stdout))


def as_json(text: str) -> str:
    """Return the tool's YAML as JSON of one line, in its own order."""
    parsed = parse_yaml(text, Complaints(Path("config")), "docker")
    assert parsed
    return json.dumps(plain(parsed))


@pytest.mark.parametrize("case", DIFFERING, ids=lambda case: f"{case.path} {case.row}")
def test_the_same_file_here_comes_to_what_the_page_says(case: Differing) -> None:
    if case.ours is None:
        with pytest.raises(InputError) as caught:
            load(case)
        assert any(str(case.expected) in complaint.what for complaint in caught.value.complaints)
        return
    stack = load(case)
    assert [service.name for service in stack.services] == ["a"]
    assert case.ours(stack.services[0]) == case.expected
    assert any(case.warns in warning.what for warning in stack.warnings) or not case.warns


def load(case: Differing) -> Stack:
    return load_stack(*files_of(FOLDER / case.path), name="s", environment=ENVIRONMENT)


def rows_of(beginning: str) -> Iterator[str]:
    return (row for row in ROWS if row == beginning or (beginning not in ROWS and row.startswith(beginning)))


def test_each_row_has_a_file_or_needs_an_engine_and_each_file_a_row() -> None:
    shown = {row for case in DIFFERING for row in rows_of(case.row)}
    of_the_engine = {row for beginning in OF_THE_ENGINE for row in rows_of(beginning)}
    assert shown | of_the_engine == ROWS
    assert not shown & of_the_engine
    named = {path for case in DIFFERING for path in files_of(FOLDER / case.path)}
    assert named == set(FOLDER.rglob("*.yaml"))
    assert all(row.why for row in DIFFERENCES)
