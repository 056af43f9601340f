"""How the SSH connection was agreed and what a host's server allows; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.doctor.evidence import HostEvidence
from swarmkit.finding import Finding

MIN_SESSIONS = 8
"""Channels that swarmkit has open to one host at once, at most."""
MIN_STARTUPS = 3
_WEAK = ("-cbc", "arcfour", "hmac-md5", "hmac-sha1", "-sha1")
_USUAL_FOLLOWERS = "-etm@openssh.com"


def check_session(host: HostEvidence) -> Iterator[Finding]:
    """Yield S13 and S20: shells that talk before they are asked, and connections that can be tampered with."""
    if host.noise.strip():
        yield Finding(
            "S13", "warning", host.name, "its login shell prints text before any command: scp and scripts fail on that",
            repr(host.noise.strip().splitlines()[0][:60]),
            f"on {host.name}: print nothing in .bashrc unless the shell is interactive: case $- in *i*) ... ;; esac",
        )  # fmt: skip
    if host.session and not host.session.is_strict:
        yield Finding(
            "S20", "warning", host.name, "its SSH server has no strict key exchange (Terrapin)",
            f"{host.session.server}, CVE-2023-48795",
            f"on {host.name}: upgrade openssh-server (9.6, or your release's fix)",
        )  # fmt: skip


def check_server(host: HostEvidence) -> Iterator[Finding]:
    """Yield S14 and S20: limits below what a run needs, and weak algorithms that were configured by hand."""
    settings = _settings(host)
    sessions = settings.get("maxsessions", "")
    if sessions.isdigit() and int(sessions) < MIN_SESSIONS:
        yield Finding(
            "S14", "warning", host.name, "its SSH server refuses channels that swarmkit opens",
            f"MaxSessions {sessions}", f"on {host.name}: MaxSessions 10 in /etc/ssh/sshd_config, systemctl reload ssh",
        )  # fmt: skip
    startups = settings.get("maxstartups", "").split(":")[0]
    if startups.isdigit() and int(startups) < MIN_STARTUPS:
        yield Finding(
            "S14", "warning", host.name, "its SSH server drops connections at random when several are opened at once",
            f"MaxStartups {settings['maxstartups']}",
            f"on {host.name}: MaxStartups 10:30:100 in /etc/ssh/sshd_config, systemctl reload ssh",
        )  # fmt: skip
    for name in ("ciphers", "macs", "kexalgorithms"):
        weak = [algorithm for algorithm in settings.get(name, "").split(",") if _is_weak(algorithm)]
        if weak and not settings[name].startswith("-"):
            yield Finding(
                "S20", "warning", host.name, f"its SSH server offers weak algorithms: {', '.join(weak)}",
                f"{name} in its sshd_config", f"on {host.name}: take them out of sshd_config, systemctl reload ssh",
            )  # fmt: skip


def _is_weak(algorithm: str) -> bool:
    return any(weak in algorithm.removesuffix(_USUAL_FOLLOWERS) for weak in _WEAK)


def _settings(host: HostEvidence) -> dict[str, str]:
    """Return sshd's settings; of two the first holds, as in sshd, whose file includes the folder's at its top."""
    files = sorted((path, lines) for path, lines in host.files.items() if path.startswith("/etc/ssh/sshd_config"))
    lines = [line for path, lines in sorted(files, key=lambda file: not file[0].endswith(".conf")) for line in lines]
    found: dict[str, str] = {}
    for line in lines:
        name, *value = line.partition("#")[0].replace("=", " ", 1).split() or [""]
        found.setdefault(name.lower(), " ".join(value))
    return found
