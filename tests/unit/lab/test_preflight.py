"""What a machine lacks for a lab is said in one message, with the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmkit.errors import SwarmkitError
from swarmkit.lab import LabHost, preflight
from swarmkit.lab.packages import missing_tools

HOSTS = [LabHost("A", 11)]


@pytest.fixture
def usable_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(preflight.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(preflight, "require_tools", lambda _: None)
    monkeypatch.setattr(preflight, "TUN", tmp_path)


@pytest.mark.usefixtures("usable_machine")
def test_another_processor_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight.platform, "machine", lambda: "aarch64")
    with pytest.raises(SwarmkitError, match="Linux x86-64 only") as refusal:
        preflight.check_machine(HOSTS)
    assert "own hosts" in refusal.value.to_do


@pytest.mark.usefixtures("usable_machine")
def test_missing_tun_device_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "TUN", Path("/nowhere/tun"))
    with pytest.raises(SwarmkitError, match="/nowhere/tun, which is missing") as refusal:
        preflight.check_machine(HOSTS)
    assert "modprobe tun" in refusal.value.to_do


@pytest.mark.usefixtures("usable_machine")
def test_a_tun_device_that_is_closed_to_an_ordinary_user_is_told_with_the_command_that_opens_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(preflight.os, "access", lambda *_: False)
    with pytest.raises(SwarmkitError, match="which is closed to this user") as refusal:
        preflight.check_machine(HOSTS)
    assert f"chmod 0666 {preflight.TUN}" in refusal.value.to_do


@pytest.mark.usefixtures("usable_machine")
def test_low_ssh_port_without_root_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "start").write_text("1024\n")
    monkeypatch.setattr(preflight, "UNPRIVILEGED_PORTS", tmp_path / "start")
    monkeypatch.setattr(preflight.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(preflight.subprocess, "run", lambda *_, **__: preflight.subprocess.CompletedProcess([], 0))
    with pytest.raises(SwarmkitError, match="port 22 for A") as refusal:
        preflight.check_machine(HOSTS)
    assert "ansible_port: 2222" in refusal.value.to_do
    preflight.check_machine([LabHost("A", 11, ssh_port=2222)])


@pytest.mark.usefixtures("usable_machine")
def test_machine_without_user_namespaces_needs_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(preflight.subprocess, "run", lambda *_, **__: preflight.subprocess.CompletedProcess([], 1))
    with pytest.raises(SwarmkitError, match="needs root"):
        preflight.check_machine(HOSTS)


def test_missing_tools_are_answered_with_the_install_command() -> None:
    assert missing_tools(["sh", "no-such-tool"]) == ["no-such-tool"]
    with pytest.raises(SwarmkitError) as refusal:
        preflight.require_tools(["no-such-tool"])
    assert refusal.value.to_do.startswith("apt-get install")
    assert "mmdebstrap" in refusal.value.to_do
