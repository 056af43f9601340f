"""Remedies are commands, and do what they say: those that write files are run here, on copies of the files."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from unit.doctor.doctor_world import evidence, found

SSHD = "/etc/ssh/sshd_config"
HARD = f"{SSHD}.d/hard.conf"
BEFORE = f"{SSHD}.d/00-a.conf"
OWN = f"{SSHD}.d/00-swarmkit.conf"
INCLUDE = f"# sshd_config\n\nInclude {SSHD}.d/*.conf"
RELOAD = "sshd -t && { systemctl reload ssh || systemctl reload sshd; }"


@pytest.mark.parametrize(
    ("files", "line", "where"),
    [
        ({HARD: "MaxSessions 2", SSHD: INCLUDE}, "MaxSessions 10", OWN),
        ({BEFORE: "MaxSessions 2", SSHD: INCLUDE}, "MaxSessions 10", SSHD),
        ({SSHD: "MaxSessions 2"}, "MaxSessions 10", SSHD),
        ({SSHD: f"MaxStartups 1:30:60\n{INCLUDE}"}, "MaxStartups 10:30:100", SSHD),
        ({SSHD: f"{INCLUDE}\nCiphers +aes128-cbc,3des-cbc"}, "Ciphers -aes128-cbc,3des-cbc", OWN),
    ],
)
def test_what_mends_an_ssh_server_is_written_where_sshd_reads_it_first(
    files: dict[str, str], line: str, where: str, tmp_path: Path
) -> None:
    (finding,) = found(evidence(files=files))
    command, _, reload = finding.remedy.removeprefix("on C: ").partition(" && ")
    assert reload == RELOAD
    assert line in command
    (tmp_path / f"{SSHD}.d"[1:]).mkdir(parents=True)
    for path, text in files.items():
        (tmp_path / path[1:]).write_text(text + "\n")
    subprocess.run(["/bin/sh", "-c", command.replace("/etc/", f"{tmp_path}/etc/")], check=True)
    after = {path: (tmp_path / path[1:]).read_text() for path in {*files, where}}
    assert line in after[where].splitlines()
    assert found(evidence(files=after)) == []


def test_two_kernel_settings_go_to_two_files() -> None:
    files = {"/proc/sys/net/ipv4/ip_forward": "0", "/proc/sys/net/bridge/bridge-nf-call-iptables": "0"}
    findings = found(evidence(files=files))
    assert [finding.code for finding in findings] == ["H26", "H26"]
    written = {re.findall(r"> (/etc/sysctl.d/\S+) && sysctl --system", finding.remedy)[0] for finding in findings}
    assert len(written) == 2


@pytest.mark.parametrize(
    "main", [f"MaxSessions 10\n{INCLUDE}", "MaxSessions 10", f"Match User admin\n MaxSessions 2\n{INCLUDE}"]
)
def test_what_sshd_does_not_read_or_reads_later_or_for_some_users_only_is_no_finding(main: str) -> None:
    assert found(evidence(files={HARD: "MaxSessions 2", SSHD: main})) == []
