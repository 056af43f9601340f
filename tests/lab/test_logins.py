"""Logins by an agent's keys and by encrypted key files, at OpenSSH's own sshd."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from lab.own_sshd import Sshd, make_key

pytestmark = pytest.mark.lab

PASSPHRASE = "open sesame"


@dataclass(frozen=True)
class Login:
    """A host with an sshd whose key is trusted, and an agent without keys."""

    folder: Path
    host: Sshd
    key: Path
    agent: str

    def add(self, key: Path) -> None:
        environment = {**os.environ, "SSH_AUTH_SOCK": self.agent, "SSH_ASKPASS": str(self.folder / "answer")}
        command = ["ssh-add", "-q", str(key)]
        subprocess.run(command, check=True, env={**environment, "SSH_ASKPASS_REQUIRE": "force"}, timeout=30)

    def inventory(self, key: Path | None = None) -> Path:
        file = self.folder / "hosts.yaml"
        named = f"          ansible_ssh_private_key_file: {key}\n" if key else ""
        file.write_text(
            f"all:\n  vars:\n    swarm_known_hosts: {self.folder}/known_hosts\n"
            f"  children:\n    managers:\n      hosts:\n        A:\n          ansible_host: {self.host.address}\n"
            f"          ansible_port: {self.host.port}\n          swarm_advertise_addr: 10.0.0.1\n{named}"
        )
        return file

    def plan(self, inventory: Path) -> str:
        """Return what `swarmkit plan` says; this machine's sshd leads to no swarm, so it always says something."""
        environment = {**os.environ, "SSH_AUTH_SOCK": self.agent, "HOME": str(self.folder), "NO_COLOR": "1"}
        command = [sys.executable, "-m", "swarmkit", "plan", "-i", str(inventory)]
        run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)
        return run.stdout + run.stderr

    def logins(self) -> int:
        return (self.host.folder / "log").read_text().count("Accepted publickey")


@pytest.fixture
def login(tmp_path: Path) -> Iterator[Login]:
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    (tmp_path / "answer").write_text(f"#!/bin/sh\necho '{PASSPHRASE}'\n")
    (tmp_path / "answer").chmod(0o700)
    host, key = Sshd(tmp_path / "host", "127.0.0.23"), make_key(tmp_path / "key", PASSPHRASE)
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(tmp_path / "agent")], stdout=subprocess.DEVNULL)
    try:
        host.start(key)
        made = Login(tmp_path, host, key, str(tmp_path / "agent"))
        trust = [sys.executable, "-m", "swarmkit", "trust", "--yes", "-i", str(made.inventory())]
        subprocess.run(trust, check=True, capture_output=True, timeout=60)
        yield made
    finally:
        host.stop()
        agent.terminate()
        agent.wait(timeout=10)


def test_the_agents_keys_log_in_where_the_inventory_names_none(login: Login) -> None:
    assert "there is no key to log in with" in login.plan(login.inventory())
    login.add(make_key(login.folder / "another"))
    assert "was refused\n  offered: the agent's keys" in login.plan(login.inventory())
    login.add(login.key)
    assert "cannot reach" not in login.plan(login.inventory())
    assert login.logins() > 0


def test_an_encrypted_key_file_is_told_with_the_agent_as_the_way(login: Login) -> None:
    said = login.plan(login.inventory(login.key))
    assert "the key file is encrypted" in said
    assert f"ssh-add {login.key}" in said
    assert login.logins() == 0


def test_an_encrypted_key_of_ones_own_is_told_where_there_is_no_other(login: Login) -> None:
    (login.folder / ".ssh").mkdir(mode=0o700)
    make_key(login.folder / ".ssh" / "id_ed25519", PASSPHRASE)
    said = login.plan(login.inventory())
    assert "the key file is encrypted\n  no agent has a key, and that of ~/.ssh is encrypted\n" in said
    assert "to do: ssh-add\n" in said


def test_with_a_key_file_named_no_other_of_the_agents_is_offered(login: Login) -> None:
    login.add(login.key)
    said = login.plan(login.inventory(make_key(login.folder / "unknown")))
    assert f"offered: {login.folder}/unknown" in said
    assert login.logins() == 0
