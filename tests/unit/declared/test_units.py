"""Durations, sizes, CPUs and unquoted words, as Docker reads them."""

from __future__ import annotations

import pytest

from swarmkit.declared.documents import units
from swarmkit.declared.documents.scalars import resolve
from swarmkit.declared.stack.cycles import find_cycles


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("1s", 10**9),
        ("1m30.5s", 90_500_000_000),
        ("500ms", 5 * 10**8),
        ("1h", 3600 * 10**9),
        ("2us", 2000),
        ("+1s", 10**9),
    ]
    + [(text, None) for text in ("10", "", "s", "1 s", "-1s", "1d", "1s x", "1e3s", "++1s", "1s+1s", "99999999999h")],
)
def test_durations(text: str, value: int | None) -> None:
    assert units.nanoseconds(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("5", 5), ("1k", 1024), ("1.5G", 3 << 29), ("64MiB", 64 << 20), ("64 mb", 64 << 20), ("2t", 2 << 40)]
    + [("1e7", 10**7), ("1E-1 M", 104857), ("+5", 5)]
    + [(text, None) for text in ("", "M", "-1", "1x", "1,5G", "1e99", "e7", "1e", "inf")],
)
def test_sizes(text: str, value: int | None) -> None:
    assert units.bytes_of(text) == value


def test_cpus_have_nine_decimals_at_most() -> None:
    assert units.nano_cpus("0.25") == 25 * 10**7
    assert units.nano_cpus(".5") == 5 * 10**8
    assert units.nano_cpus("0.0000000001") is None


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.1, "1.1"),
        (3.0, "3"),
        (1e6, "1e+06"),
        (999999.0, "999999"),
        (12345678.5, "1.23456785e+07"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (-2.5, "-2.5"),
        (0.0, "0"),
    ],
)
def test_numbers_become_text_as_go_prints_them(number: float, text: str) -> None:
    assert units.go_text(number) == text


def test_unquoted_words_differ_between_ansible_and_docker() -> None:
    assert resolve("yes", "ansible") is True
    assert resolve("yes", "docker") == "yes"
    assert resolve("0400", "docker") == 256
    assert resolve("1:30", "ansible") == "1:30"
    assert resolve("9" * 5000, "docker") == "9" * 5000


def test_cycles_are_found_and_ladders_are_quick() -> None:
    assert find_cycles({"a": ["b"], "b": ["c"], "c": ["a"]}) == [["a", "b", "c"]]
    ladder = {f"n{i}{side}": [f"n{i + 1}a", f"n{i + 1}b"] for i in range(200) for side in "ab"}
    assert find_cycles(ladder) == []
