"""The check of what failed runs say, on what swarmkit prints, and on what it must not let pass."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from faults.told import ending_lacks
from rich.console import Console

from swarmkit.errors import NotConvergedError, SwarmkitError, UnreachableError
from swarmkit.finding import Finding
from swarmkit.plan.model import Applied, Outcome, Plan, Step
from swarmkit.reach.engine import EngineError
from swarmkit.reach.ssh import ConnectionLostError
from swarmkit.report.errors import print_bug, print_error
from swarmkit.report.findings import print_findings
from swarmkit.report.outcome import print_outcome
from swarmkit.report.plan_text import print_plan

PROGRESS = "connect ...\nS: joined as manager, 3 s\nT: cluster proved, see: swarmkit status\nto do: swarmkit up\n"
"""Names hosts and commands: none of it counts, for the end must say it."""
FINDING = Finding("V05", "error", "S -> T", "no answer", "seen once", "see: swarmkit doctor")


def shown(show: Callable[[Console], None]) -> str:
    stream = io.StringIO()
    show(Console(file=stream, width=100))
    return PROGRESS + stream.getvalue()


def told(error: SwarmkitError) -> str:
    stream = io.StringIO()
    print_error(error, stream)
    return PROGRESS + stream.getvalue()


def failed(error: SwarmkitError) -> Applied:
    step = Step("S:a", "service", "create", "shop_backend", "make it")
    return Applied({"S:a": Outcome(step, "failed", 1.0, "", error)})


def crash() -> str:
    stream = io.StringIO()
    print_bug(ValueError("S: the cluster is odd"), stream)
    return PROGRESS + stream.getvalue()


@pytest.mark.parametrize(
    "said",
    [
        told(SwarmkitError("another run holds the cluster, nothing was changed", "root@vm pid 7", "wait for it")),
        told(UnreachableError("S: cannot reach 127.0.0.1 port 22", "refused", "check sshd of S")),
        told(ConnectionLostError("T: connection lost", "reset by peer")),
        told(EngineError("U", "list nodes", 500, "rpc error: the swarm does not have a leader")),
        told(NotConvergedError("shop_backend: 0 of 1 tasks run\nno ready node satisfies its constraints")),
        shown(lambda console: print_outcome(console, failed(SwarmkitError("T: connection lost")))),
        shown(lambda console: print_plan(console, Plan((), (FINDING,)), cluster="faults")),
        shown(lambda console: print_findings(console, [FINDING])),
    ],
    ids=["locked", "unreachable", "lost", "no leader", "not converged", "incomplete", "refused", "not proved"],
)
def test_what_swarmkit_prints_at_the_end_of_a_failed_run_is_enough(said: str) -> None:
    assert ending_lacks(said, "STU") == []


def test_the_failed_runs_that_the_documents_show_are_enough() -> None:
    docs = "".join(path.read_text() for path in (Path(__file__).parents[2] / "docs").glob("*.md"))
    runs = [part for block in re.findall(r"^```\w*\n(.*?)^```$", docs, re.M | re.S) for part in block.split("\n$ ")]
    refused = [run for run in runs if re.search("^cluster .*: refused for", run, re.M)]
    assert len(refused) >= 2
    assert [ending_lacks(run, "BQ", "app") for run in refused] == [[]] * len(refused)


@pytest.mark.parametrize(
    ("said", "lacks"),
    [
        ("", ["an ending"]),
        (PROGRESS + "there was some error on S\n", ["an ending"]),
        (crash(), ["no bug", "what to do"]),
        (PROGRESS + "error: it did not work\n  to do: run the same again\n", ["a place"]),
        (PROGRESS + "error: it did not work\n  to do: swarmkit up on S of the cluster\n", ["a place"]),
        (PROGRESS + "error: S: no answer within 40 s\n  the command may still be running there\n", ["what to do"]),
        (PROGRESS + "error: Several things\n  in U-Boot, swarmkit and clusters\n", ["a place", "what to do"]),
        (PROGRESS + "\nerror  V05  S -> T\n  no answer\n", ["what to do"]),
    ],
)
def test_an_end_without_a_place_or_without_what_to_do_is_not_enough(said: str, lacks: list[str]) -> None:
    assert ending_lacks(said, "STU") == lacks
