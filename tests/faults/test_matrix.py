"""The document's table of which test tries which fault: whole, and of tests that there are."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from faults.table import FAULTS

TESTS = Path(__file__).parents[1]
DOCUMENT = TESTS.parent / "docs" / "reliability.md"
NOT_IN_THE_MATRIX = {5, 13, 20, 26, 38, 39}


def rows() -> dict[str, list[str]]:
    """Return fault -> the cells after it, of the table below the heading."""
    text = DOCUMENT.read_text().partition("## Where each fault is tried\n")[2]
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")][2:]
    assert len({cells[0] for cells in lines}) == len(lines)
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in lines}


@cache
def names_in(path: str) -> set[str]:
    tree = ast.parse((TESTS / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_fault_of_the_matrix_is_in_the_table_in_its_order() -> None:
    assert list(rows()) == [f"F{number:02}" for number in range(1, 41) if number not in NOT_IN_THE_MATRIX]


def test_every_test_that_the_table_names_is_there_and_each_fault_has_one() -> None:
    for fault, (_, tests, _) in rows().items():
        named = [name.partition("::") for name in re.findall(r"`([^`]+)`", tests)]
        assert named, fault
        assert [(path, name) for path, _, name in named if name not in names_in(path)] == [], fault


def test_every_case_of_the_matrix_is_named_by_its_fault() -> None:
    """Those whose names say no fault are parametrized by it."""
    table = {fault: tests for fault, (_, tests, _) in rows().items()}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for name in names_in(f"faults/{path.name}"):
            for number in re.findall(r"(?<=_f)\d\d(?=_)", name):
                assert f"`faults/{path.name}::{name}`" in table[f"F{number}"]


def test_every_case_records_a_fault_that_the_table_of_runs_can_name() -> None:
    sources = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    recorded = set(re.findall(r'"fault": "(F\d\d\w?)"', sources))
    assert recorded
    assert recorded - set(FAULTS) == set()
