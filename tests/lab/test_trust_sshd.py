"""`swarmkit trust` against OpenSSH's own sshd, straight and through a jump host."""

import getpass
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from lab.own_sshd import Sshd, make_key

from swarmkit.cli.trust import trust
from swarmkit.errors import UnreachableError

pytestmark = pytest.mark.lab


def fingerprint_of(file: Path) -> str:
    told = subprocess.run(["ssh-keygen", "-lf", str(file)], capture_output=True, text=True, check=True)
    return told.stdout.split()[1]


@pytest.fixture
def login_key(tmp_path: Path) -> Path:
    return make_key(tmp_path / "login_key")


@pytest.fixture
def sshds(tmp_path: Path, login_key: Path) -> Iterator[tuple[Sshd, Sshd]]:
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    started = Sshd(tmp_path / "jump", "127.0.0.21"), Sshd(tmp_path / "host", "127.0.0.22")
    try:
        for sshd in started:
            sshd.start(login_key)
        yield started
    finally:
        for sshd in started:
            sshd.stop()


def write_inventory(folder: Path, host: Sshd, login_key: Path, jump: Sshd | None = None) -> Path:
    # Names in place of [address]:port, so that the files read as they do with port 22.
    (folder / "ssh_config").write_text(
        f"Host {host.address}\n  HostKeyAlias host\n"
        + (f"Host {jump.address}\n  HostKeyAlias jump\n  IdentityFile {login_key}\n" if jump else "")
    )
    jumps = f"\n          swarm_jump: {getpass.getuser()}@{jump.address}:{jump.port}" if jump else ""
    file = folder / "lab.yaml"
    file.write_text(
        f"all:\n  vars:\n    swarm_known_hosts: {folder}/known_hosts\n    swarm_ssh_config: {folder}/ssh_config\n"
        f"  children:\n    managers:\n      hosts:\n        A:\n          ansible_host: {host.address}\n"
        f"          ansible_port: {host.port}\n          swarm_advertise_addr: 10.0.0.1{jumps}\n"
    )
    return file


def run(inventory: Path, *arguments: str) -> Result:
    return CliRunner().invoke(trust, ["-i", str(inventory), *arguments])


def test_the_key_shown_is_the_one_ssh_keygen_names_and_ssh_accepts_what_is_recorded(
    tmp_path: Path, sshds: tuple[Sshd, Sshd], login_key: Path
) -> None:
    _, host = sshds
    result = run(write_inventory(tmp_path, host, login_key), "--yes")
    assert result.exception is None
    assert fingerprint_of(host.host_key) in result.stdout
    options = ["StrictHostKeyChecking=yes", f"UserKnownHostsFile={tmp_path}/known_hosts", "HostKeyAlias=host"]
    options += ["BatchMode=yes", "GlobalKnownHostsFile=/dev/null"]
    command = ["ssh", "-F", "none", "-i", str(login_key), "-p", str(host.port)]
    command += [part for option in options for part in ("-o", option)]
    subprocess.run([*command, host.address, "true"], check=True, timeout=30)


def test_nobody_logs_in_to_a_host_whose_key_is_asked_for(
    tmp_path: Path, sshds: tuple[Sshd, Sshd], login_key: Path
) -> None:
    _, host = sshds
    run(write_inventory(tmp_path, host, login_key), "--yes")
    assert "Accepted" not in (host.folder / "log").read_text()


def test_a_host_behind_a_jump_host_is_asked_through_it_once_that_is_trusted(
    tmp_path: Path, sshds: tuple[Sshd, Sshd], login_key: Path
) -> None:
    jump, host = sshds
    result = run(write_inventory(tmp_path, host, login_key, jump), "--yes")
    assert result.exception is None, result.exception
    assert result.stdout.index(fingerprint_of(jump.host_key)) < result.stdout.index(fingerprint_of(host.host_key))
    assert "Accepted publickey" in (jump.folder / "log").read_text()
    assert "Accepted" not in (host.folder / "log").read_text()
    assert [line.split()[0] for line in (tmp_path / "known_hosts").read_text().splitlines()] == ["jump", "host"]


def test_a_jump_host_with_a_changed_key_is_not_passed(
    tmp_path: Path, sshds: tuple[Sshd, Sshd], login_key: Path
) -> None:
    jump, host = sshds
    inventory = write_inventory(tmp_path, host, login_key, jump)
    run(inventory, "--yes")
    known = (tmp_path / "known_hosts").read_text()
    asked = (host.folder / "log").read_text().count("Connection from")
    jump.stop()
    jump.host_key = make_key(jump.folder / "other_key")
    jump.start(login_key)
    result = run(inventory, "--yes")
    assert isinstance(result.exception, UnreachableError)
    assert re.search(rf"swarmkit trust -i \S+ --replace {re.escape(jump.address)}", str(result.exception))
    assert (tmp_path / "known_hosts").read_text() == known
    assert (host.folder / "log").read_text().count("Connection from") == asked > 0


def test_a_rebuilt_host_is_trusted_again_with_replace(
    tmp_path: Path, sshds: tuple[Sshd, Sshd], login_key: Path
) -> None:
    _, host = sshds
    inventory = write_inventory(tmp_path, host, login_key)
    run(inventory, "--yes")
    old = fingerprint_of(host.host_key)
    host.stop()
    host.host_key = make_key(host.folder / "other_key")
    host.start(login_key)
    result = run(inventory, "--yes", "--replace", "A")
    assert result.exception is None
    assert old in result.stdout
    assert len((tmp_path / "known_hosts").read_text().splitlines()) == 1
    assert "trusted" in run(inventory).stdout
