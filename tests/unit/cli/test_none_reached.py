"""Where no host can be reached, `doctor` and `verify` still say for each host why, to programs and pages too."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from json_schemas import assert_fits


def swarmkit(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from swarmkit.cli.main import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL)


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """Two hosts whose sshd is not there."""
    hosts: dict[str, str] = {}
    for name in "AB":
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        where = f"ansible_host: 127.0.0.1, ansible_port: {port}, swarm_advertise_addr: 192.0.2.{len(hosts) + 1}"
        hosts[name] = f"{name}: {{{where}, swarm_known_hosts: {tmp_path}/known}}"
    (path := tmp_path / "hosts.yaml").write_text(
        f"managers:\n  hosts:\n    {hosts['A']}\nworkers:\n  hosts:\n    {hosts['B']}\n"
    )
    return path


def told(done: subprocess.CompletedProcess[str], command: str) -> dict[str, Any]:
    assert done.returncode == 3, done.stdout + done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    assert_fits(command, said)
    return said


def test_the_doctor_prints_its_json_with_a_finding_for_each_host(inventory: Path) -> None:
    said = told(swarmkit("doctor", "-i", inventory, "--json"), "doctor")
    assert [(one["code"], one["where"]) for one in said["findings"]] == [("D11", "A"), ("D11", "B")]
    assert (said["hosts"], said["unread"]) == ([], ["A", "B"])
    assert all(one["evidence"].startswith("cannot reach 127.0.0.1 port ") for one in said["findings"])
    assert "error  D11  A" in swarmkit("doctor", "-i", inventory).stdout


def test_verify_prints_its_json_and_writes_its_page_with_a_finding_for_each_host(
    inventory: Path, tmp_path: Path
) -> None:
    page, metrics = tmp_path / "page.html", tmp_path / "one.prom"
    done = swarmkit("verify", "-i", inventory, "--json", "--html", page, "--metrics", metrics)
    said = told(done, "verify")
    assert not said["proved"]
    assert [(one["code"], one["where"]) for one in said["findings"]] == [("V14", "A"), ("V14", "B")]
    assert [(one["name"], one["state"]) for one in said["hosts"]] == [
        ("A", "does not answer"),
        ("B", "does not answer"),
    ]
    assert "B does not answer: nothing is proved there" in page.read_text()
    assert "swarmkit_verify_end_time_seconds" not in metrics.read_text(), "there was no proof"


def test_verify_says_it_to_people_as_before(inventory: Path) -> None:
    done = swarmkit("verify", "-i", inventory)
    assert (done.returncode, done.stdout) == (3, "")
    assert "2 hosts cannot be used" in done.stderr
