"""The packaged scripts that look and probe on hosts: one process tree a host, its wishes on stdin."""

from __future__ import annotations

import importlib.resources
import re
import shlex
from collections.abc import Iterable
from typing import Literal, get_args

from swarmkit.errors import SwarmkitError
from swarmkit.observed.parse import sections
from swarmkit.reach.fleet import Shell

Language = Literal["perl", "python3"]
"""What the program that sends, hears and watches is written in, twice; the first that a host has runs there."""
LANGUAGES: tuple[Language, ...] = get_args(Language)
_PROGRAMS: dict[Language, str] = {"perl": "cable.pl", "python3": "cable_on_host.py"}
_END = "END-OF-WISHES"
_WISH = re.compile(r"[a-z]+( [A-Za-z0-9._/:\\-]+)*", re.ASCII)


def run_script(
    shell: Shell, name: str, wishes: Iterable[str], *, timeout_seconds: float, speaks: Language | None = None
) -> dict[str, str]:
    """Run ``ipsec.sh`` and then the script *name* by bash, as root, and return the sections it prints.

    A wish is a line of words of letters, digits and ``._/:\\-``. Wishes of the cable are granted in the language that
    the host *speaks*; without one tcpdump watches. Raises SwarmkitError when the script did not reach its end.
    """
    folder = importlib.resources.files("swarmkit.verify.probe")
    program = folder.joinpath(_PROGRAMS[speaks]).read_text() if speaks else ""
    watcher = f"SPEAKS={speaks or ''} CABLE={shlex.quote(program)}\n"
    source = watcher + folder.joinpath("ipsec.sh").read_text() + folder.joinpath(name).read_text()
    lines = list(wishes)
    for line in lines:
        if not _WISH.fullmatch(line):
            raise ValueError(f"not a wish: {line!r}")
    result = shell.run(_in_bash(source, lines), timeout_seconds=timeout_seconds)
    said = sections(result.stdout)
    if "end" in said:
        return said
    if "no-bash" in said:
        raise SwarmkitError("bash is not there", "the proofs run by it", "apt-get install -y bash || apk add bash")
    raise SwarmkitError("the proofs could not run", result.stderr.strip()[-300:] or f"exit code {result.exit_code}")


def _in_bash(source: str, wishes: list[str]) -> str:
    # Hosts' /bin/sh need not be bash; it reads the wishes whole before bash begins.
    body = "\n".join([*wishes, _END])
    return (
        "command -v bash >/dev/null || { printf '\\n== no-bash\\n'; exit 3; }\n"
        f"exec bash -c {shlex.quote(source)} bash <<'{_END}'\n{body}"
    )
