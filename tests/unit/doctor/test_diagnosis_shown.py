"""A diagnosis on the terminal: the ways, the findings with their pages, errors first, and the count."""

from __future__ import annotations

import io

from rich.console import Console

from swarmkit.doctor.model import Diagnosis, Way
from swarmkit.finding import Finding
from swarmkit.report.doctor import print_diagnosis

WARNING = Finding("D02", "warning", "A", "Docker does not start", "docker.service is not enabled", "enable it")
ERROR = Finding("H38", "error", "B", "its disk is almost full", "1 KiB free", "a larger disk")


def lines_of(diagnosis: Diagnosis) -> list[str]:
    stream = io.StringIO()
    print_diagnosis(Console(file=stream, width=100), diagnosis)
    return stream.getvalue().splitlines()


def test_errors_stand_first_and_the_count_last() -> None:
    ways = (Way("A", "B", "tcp/7946", passes=True), Way("B", "A", "tcp/7946", passes=False))
    shown = lines_of(Diagnosis((WARNING, ERROR), ways, ("A", "B"), ("D02", "H38")))
    assert "no tcp/7946" in "".join(shown[:4])
    assert shown[shown.index("error  H38  B") :] == [
        "error  H38  B",
        "  its disk is almost full",
        "  seen   1 KiB free",
        "  to do  a larger disk",
        "  more   swarmkit doctor --explain H38, docs/checks.md#h38",
        "",
        "warning  D02  A",
        "  Docker does not start",
        "  seen   docker.service is not enabled",
        "  to do  enable it",
        "  more   swarmkit doctor --explain D02, docs/checks.md#d02",
        "",
        "1 error, 1 warning by 2 checks on 2 hosts; 2 ways between them tried",
    ]


def test_what_follows_from_a_finding_of_the_same_place_is_named_beneath_it_and_told_alone_without_it() -> None:
    cause = Finding("H07", "error", "A | B", "no host hears another", "all of it", "the line")
    following = Finding("H06", "error", "A | B", "nor ESP", "proto 50", "the line", follows_from="H07")
    shown = lines_of(Diagnosis((following, cause), (), ("A", "B"), ("H06", "H07")))
    assert "  also   H06 follows from it" in shown
    assert "error  H06  A | B" not in shown
    assert shown[-1].startswith("2 errors")
    assert "error  H06  A | B" in lines_of(Diagnosis((following,), (), ("A", "B"), ("H06",)))


def test_a_host_that_was_not_read_is_named_whatever_was_asked_for() -> None:
    """With --only or --skip its own finding may be left out, and "nothing found" was all that was said."""
    shown = " ".join(" ".join(lines_of(Diagnosis((), (), ("A", "B"), ("H36",), ("C",)))).split())
    assert "nothing found by 1 check on 2 hosts" in shown
    assert "nothing is known of C, which could not be read (D11)" in shown
