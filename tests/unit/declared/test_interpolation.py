"""Variables in stack files, by Docker's rules, and where these are a trap a warning."""

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


@pytest.mark.parametrize(
    ("text", "value", "told"),
    [
        ("node:$A-alpine", "node:value-alpine", "what follows $A"),
        ("$A:-b", "value:-b", "what follows $A"),
        ("$A?", "value?", "what follows $A"),
        ("${A:?see - README}", "value", "the dash in"),
        ("${A?why-not}", "value", "the dash in"),
        ("${A-x:-y}", "value", "the name A-x"),
        ("${NO:-${A}}", "${A}", "is not replaced"),
        ("${NO-$A}", "$A", "is not replaced"),
        ("$A/b ${A}-b ${A:-b-c} $$A-b ${A:?why} ${A:-$A}", "value/b value-b value $A-b value value", None),
    ],
)
def test_forms_that_docker_reads_otherwise_than_they_look_are_told(text: str, value: str, told: str | None) -> None:
    log = Complaints(Path("f"))
    root = parse_yaml(f"services: {{k: '{text}'}}", log, "docker")
    assert root
    assert plain(interpolate(root, SET, log)) == {"services": {"k": value}}
    assert not log.refused
    assert [one.code for one in log.warned] == (["B36"] if told else [])
    assert all(told in one.what for one in log.warned if told)


@pytest.mark.parametrize("text", ["$", "${", "${}", "$1", "${A:x}", "${A:?}${NO:?}", "a$", "${A:+c}", "${NO+c}"])
def test_what_is_no_variable_or_required_is_refused(text: str) -> None:
    log = Complaints(Path("f"))
    root = parse_yaml(f"services: {{k: '{text}'}}", log, "docker")
    assert root
    interpolate(root, SET, log)
    assert [complaint.code for complaint in log.refused][:1] == ["B36"]
