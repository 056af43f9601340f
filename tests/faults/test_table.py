"""The table of a run's cases says what they recorded, and nothing that none of them has."""

from __future__ import annotations

import json

from faults.table import recorded, table


def rows(*records: dict[str, object]) -> list[list[str]]:
    lines = table(map(json.dumps, records)).splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_lost_orders_and_failed_runs_are_told_as_they_were_counted() -> None:
    shown: dict[str, object] = {"orders": 100, "lost": 0, "recovered": 7.2, "silence": 3.0}
    whole = recorded("test_f03_x[1]", passed=True, shown=shown)
    failed = recorded("test_f03_x[2]", passed=False, shown={"orders": 50, "lost": 2})
    ((fault, _, runs, orders, lost, recovered, silence),) = rows(whole, failed)
    assert (fault, runs, orders, lost) == ("F03", "2, 1 failed", "150", "2")
    assert (recovered, silence) == ("7 s", "3 s")


def test_what_a_run_has_not_counted_is_not_told_as_nothing_lost() -> None:
    early = recorded("test_a_host_that_breaks_during_an_update[f06]", passed=False, shown={})
    ((fault, _, runs, orders, lost, *_),) = rows(early)
    assert (fault, runs, orders, lost) == ("F06", "1, 1 failed", "", "")


def test_what_a_case_has_said_of_its_fault_counts_more_than_its_name() -> None:
    assert recorded("test_f01_x", passed=True, shown={"fault": "F01B"})["fault"] == "F01B"
