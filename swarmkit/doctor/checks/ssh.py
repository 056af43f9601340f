"""How the SSH connection was agreed and what a host's server allows; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from swarmkit.doctor.evidence import HostEvidence
from swarmkit.finding import Finding

MIN_SESSIONS = 8
"""Channels that swarmkit has open to one host at once, at most."""
MIN_STARTUPS = 3
_WEAK = ("-cbc", "arcfour", "hmac-md5", "hmac-sha1", "-sha1")
_MAIN = "/etc/ssh/sshd_config"
_FOLDER = "/etc/ssh/sshd_config.d/"
_USUAL_FOLLOWERS = "-etm@openssh.com"


def check_session(host: HostEvidence) -> Iterator[Finding]:
    """Yield S13 and S20: shells that talk before they are asked, and connections that can be tampered with."""
    if host.noise.strip():
        yield Finding(
            "S13", "warning", host.name, "its login shell prints text before any command: scp and scripts fail on that",
            repr(host.noise.strip().splitlines()[0][:60]),
            f"on {host.name}, where its shell is bash: sed -i '1i case $- in *i*) ;; *) return ;; esac' ~/.bashrc",
        )  # fmt: skip
    if host.session and not host.session.is_strict:
        yield Finding(
            "S20", "warning", host.name, "its SSH server has no strict key exchange (Terrapin)",
            f"{host.session.server}, CVE-2023-48795",
            f"on {host.name}: apt-get update && apt-get install --only-upgrade openssh-server (or dnf upgrade)",
        )  # fmt: skip


def check_server(host: HostEvidence) -> Iterator[Finding]:
    """Yield S14 and S20: limits below what a run needs, and weak algorithms that were configured by hand."""
    settings = _settings(host)
    sessions = settings.get("maxsessions", "")
    if sessions.isdigit() and int(sessions) < MIN_SESSIONS:
        yield Finding(
            "S14", "warning", host.name, "its SSH server refuses channels that swarmkit opens",
            f"MaxSessions {sessions}", _first(host, "MaxSessions 10"),
        )  # fmt: skip
    startups = settings.get("maxstartups", "").split(":")[0]
    if startups.isdigit() and int(startups) < MIN_STARTUPS:
        yield Finding(
            "S14", "warning", host.name, "its SSH server drops connections at random when several are opened at once",
            f"MaxStartups {settings['maxstartups']}", _first(host, "MaxStartups 10:30:100"),
        )  # fmt: skip
    for name in ("Ciphers", "MACs", "KexAlgorithms"):
        value = settings.get(name.lower(), "")
        weak = [algorithm for algorithm in value.lstrip("+^").split(",") if _is_weak(algorithm)]
        if weak and not value.startswith("-"):
            yield Finding(
                "S20", "warning", host.name, f"its SSH server offers weak algorithms: {', '.join(weak)}",
                f"{name} in its sshd_config", _first(host, f"{name} -{','.join(weak)}"),
            )  # fmt: skip


def _first(host: HostEvidence, line: str) -> str:
    """Return how sshd reads *line* before all others: of two the first holds.

    In a file of our own where the main one begins with the folder's and none there comes before; else at the main
    one's top.
    """
    own = f"{_FOLDER}00-swarmkit.conf"
    begins = next(_lines(host, _MAIN), [""])
    others = any(path.startswith(_FOLDER) and path < own for path in host.files)
    write = f"echo '{line}' | tee -a {own}" if _includes(begins) and not others else f"sed -i '1i {line}' {_MAIN}"
    return f"on {host.name}: {write} && sshd -t && {{ systemctl reload ssh || systemctl reload sshd; }}"


def _is_weak(algorithm: str) -> bool:
    return any(weak in algorithm.removesuffix(_USUAL_FOLLOWERS) for weak in _WEAK)


def _settings(host: HostEvidence) -> dict[str, str]:
    """Return sshd's settings; of two the first holds, the folder's where the main file includes them."""
    found: dict[str, str] = {}
    for line in _lines(host, _MAIN):
        included = sorted(path for path in host.files if path.startswith(_FOLDER)) if _includes(line) else []
        for name, *value in (*(line for path in included for line in _lines(host, path)), line):
            found.setdefault(name.lower(), " ".join(value))
    return found


def _includes(words: Sequence[str]) -> bool:
    return words[0].lower() == "include" and any(word.startswith(_FOLDER) for word in words[1:])


def _lines(host: HostEvidence, path: str) -> Iterator[list[str]]:
    """Yield the words of a file's settings, to where they hold for some connections only."""
    for text in host.files.get(path, ()):
        words = text.partition("#")[0].replace("=", " ", 1).split()
        if words and words[0].lower() == "match":
            return
        if words:
            yield words
