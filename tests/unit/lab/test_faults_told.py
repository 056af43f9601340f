"""What is broken on purpose is told by `lab status`, and what cannot be broken is refused with the way out."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from swarmkit.cli.lab import status
from swarmkit.cli.lab_fault import fault
from swarmkit.errors import InputError, SwarmkitError
from swarmkit.lab import LabHost, Places, faults, operate, supervisor
from swarmkit.lab.hosting import Hosting
from swarmkit.lab.machine import Boot
from swarmkit.lab.namespace import LabNamespace

Host = dict[str, Any]


def lab_host(name: str, number: int, state: str = "ready", *, is_cut: bool = False) -> Host:
    host = {"name": name, "number": number, "state": state, "is_cut": is_cut, "address": f"127.88.0.{number}"}
    rest = {"data_address": f"10.88.0.{number}", "engine": "26.1", "memory_megabytes": 1024}
    return {**host, **rest, "ports": [22], "ports_refused": {}}


@pytest.fixture(autouse=True)
def hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [lab_host("A", 11), lab_host("B", 12), lab_host("C", 13, is_cut=True), lab_host("D", 14, "off")]
    monkeypatch.setattr("swarmkit.lab.status", lambda _: made)
    monkeypatch.setattr(operate, "status", lambda _: made)
    return made


def test_status_tells_who_is_cut_and_who_is_partitioned_from_whom(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = {"A": ["drops 12", "clock 3600"], "B": []}
    monkeypatch.setattr(faults, "_in_guest", lambda _, host, *__: said[host["name"]])
    lines = CliRunner().invoke(status).output.splitlines()
    assert lines[3].startswith("C     ready, cut")
    assert lines[5:] == [
        "A: partitioned: sends nothing to B",
        "A: clock 3600 s off",
        "all of it is undone by: swarmkit lab fault heal",
    ]


def test_a_fault_of_no_host_of_the_lab_is_bad_input_and_names_those_there_are() -> None:
    error = CliRunner().invoke(fault, ["cut", "Z"]).exception
    assert isinstance(error, InputError)
    assert error.exit_code == 2
    assert error.to_do == "name one that it has: A, B, C, D"


@pytest.mark.parametrize(("name", "undo"), [("C", "heal C"), ("D", "power-on D")])
def test_a_fault_inside_a_host_that_is_not_there_names_what_brings_it_back(
    tmp_path: Path, name: str, undo: str
) -> None:
    with pytest.raises(SwarmkitError) as caught:
        faults.skew(Places(tmp_path, tmp_path), name, 60)
    assert caught.value.to_do == f"swarmkit lab fault {undo}"


@pytest.mark.parametrize("do", ["cut", "freeze", "thaw"])
def test_what_would_be_undone_by_the_next_boot_is_refused_of_a_host_that_is_off(do: str, tmp_path: Path) -> None:
    files = Places(tmp_path, tmp_path).host("D")
    off = Hosting(Boot(LabHost("D", 14), files, base=tmp_path, kernel=tmp_path), LabNamespace())
    with pytest.raises(SwarmkitError, match="D: is off") as caught:
        asyncio.run(supervisor._act(off, do))
    assert caught.value.to_do == "swarmkit lab fault power-on D"


TC = """#!/bin/sh
case "$1" in
filter) cat <<'END'
filter protocol ip pref 13 u32 chain 0
filter protocol ip pref 13 u32 chain 0 fh 800: ht divisor 1
filter protocol ip pref 13 u32 chain 0 fh 800::800 order 2048 key ht 800 bkt 0 terminal flowid not_in_hw
  match 0a58000d/ffffffff at 16
END
;;
qdisc) cat <<'END'
qdisc netem 8001: root refcnt 2 limit 10000 delay 20ms loss 3% seed 4257600311467316303
qdisc clsact ffff: parent ffff:fff1
END
;;
esac
"""


def test_a_host_tells_its_faults_from_what_tc_says(tmp_path: Path) -> None:
    """The output of tc is that of a lab host, recorded."""
    (tmp_path / "tc").write_text(TC)
    (tmp_path / "tc").chmod(0o755)
    call = ["sh", "-s", "--", "tell", str(int(time.time()) - 3600)]
    path = f"{tmp_path}:{os.environ['PATH']}"
    script = faults._SCRIPT.read_text()
    said = subprocess.run(call, input=script, env={"PATH": path}, capture_output=True, text=True, check=True)
    drops, line, clock = said.stdout.splitlines()
    assert (drops, line) == ("drops 13", "line delay 20ms loss 3%")
    assert clock.startswith("clock 36")
