"""Variables in stack files, by Docker's rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmkit.declared.documents.complaints import Complaints
from swarmkit.declared.documents.nodes import plain
from swarmkit.declared.documents.yaml_source import parse_yaml
from swarmkit.declared.stack.interpolation import interpolate

SET = {"A": "value", "EMPTY": ""}


def replaced(text: str) -> object:
    log = Complaints(Path("f"))
    root = parse_yaml(f"services: {{k: '{text}'}}\nx-other: '$A'", log, "docker")
    assert root
    whole = plain(interpolate(root, SET, log))
    assert isinstance(whole, dict)
    assert not log.refused
    assert whole["x-other"] == "$A"
    return whole["services"]["k"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$A-${A}", "value-value"),
        ("$$A $${A}", "$A ${A}"),
        ("${A:-b}${NO:-b}${EMPTY:-b}${EMPTY-b}${NO-}", "valuebb"),
        ("${A:?why}${EMPTY?why}", "value"),
        ("${NO:-http://x:80/?a=b}", "http://x:80/?a=b"),
        ("{{.Node.Hostname}}", "{{.Node.Hostname}}"),
        ("$NO", ""),
    ],
)
def test_variables_are_replaced_in_values(text: str, value: str) -> None:
    assert replaced(text) == value


@pytest.mark.parametrize("text", ["$", "${", "${}", "$1", "${A:x}", "${A:?}${NO:?}", "a$", "${A:+c}", "${NO+c}"])
def test_what_is_no_variable_or_required_is_refused(text: str) -> None:
    log = Complaints(Path("f"))
    root = parse_yaml(f"services: {{k: '{text}'}}", log, "docker")
    assert root
    interpolate(root, SET, log)
    assert [complaint.code for complaint in log.refused][:1] == ["B36"]
