"""`swarmkit lab up` of an installed toolkit, in a folder that has no inventory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from swarmkit import lab as room
from swarmkit.cli.main import cli
from swarmkit.errors import InputError


@pytest.fixture
def booted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    names: list[str] = []

    def up(_places: object, hosts: Sequence[room.LabHost], _tell: object) -> list[object]:
        names.extend(host.name for host in hosts)
        return []

    monkeypatch.setattr(room, "up", up)
    monkeypatch.chdir(tmp_path)
    return names


def test_the_inventory_that_comes_with_the_toolkit_is_taken_and_named(booted: list[str]) -> None:
    result = CliRunner().invoke(cli, ["lab", "up"])
    assert booted == ["A", "B", "C"], result.output
    assert "inventories/lab.yaml; a copy of it is an inventory for the other commands" in result.output


def test_one_that_was_named_and_is_not_there_is_an_error(booted: list[str]) -> None:
    result = CliRunner().invoke(cli, ["lab", "up", "-i", "mine.yaml"])
    assert isinstance(result.exception, InputError)
    assert booted == []
