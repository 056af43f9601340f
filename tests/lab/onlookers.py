"""Whoever may look at process lists while a command runs: on lab hosts, and beside the operator's own processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.shop_lab import Lab

CONTROL = "what-an-onlooker-has-to-see"
"""Is in the arguments of a process on every host and here: an onlooker that does not report it looks in vain."""

_LOOKS_A_SECOND = 5

# Perl, as nothing else that a host has reads hundreds of files without a process for each. What is looked for comes by
# stdin, with the script: in an argument list the onlooker would see itself.
_ON_HOST = r"""
use strict;
my @words = (WORDS);
my $looked_for = join "|", map { quotemeta } @words;
$0 = "CONTROL";
if (fork) { for (1 .. 100) { last if -s "/run/onlooker"; select undef, undef, undef, 0.1 } exit }
$0 = "onlooker";
open STDIN, "<", "/dev/null"; open STDOUT, ">", "/dev/null"; open STDERR, ">", "/dev/null";
my (%seen, $looks);
until (-e "/run/onlooker-stop") {
    $looks++;
    for my $folder (glob "/proc/[0-9]*") {
        for my $what ("cmdline", "environ") {
            open(my $file, "<", "$folder/$what") or next;
            my $said = do { local $/; <$file> } // "";
            next unless $said =~ /($looked_for)/;
            my $word = $1;
            open(my $of, "<", "$folder/comm"); chomp(my $name = <$of> // "gone");
            $seen{"$word in $what of $name"} = 1;
        }
    }
    open(my $kept, ">", "/run/onlooker-new"); print $kept "$looks\n", map { "$_\n" } sort keys %seen; close $kept;
    rename "/run/onlooker-new", "/run/onlooker";
    select undef, undef, undef, 1 / LOOKS;
}
"""


@dataclass
class Seen:
    """What the onlookers saw, by place: hosts, and ``operator`` for the processes that the tests started here."""

    looks: dict[str, int] = field(default_factory=dict)
    found: dict[str, set[str]] = field(default_factory=dict)

    def add(self, place: str, looks: int, found: set[str]) -> None:
        """Keep what the onlooker at *place* saw; fails where it did not see what it had to."""
        control = {one for one in found if one.startswith(CONTROL)}
        assert control, f"the onlooker at {place} looked {looks} times and saw nothing"
        self.looks[place], self.found[place] = looks, found - control


@contextmanager
def onlookers(lab: Lab, hosts: Sequence[str], words: Sequence[str]) -> Iterator[Seen]:
    """Look for *words* in the arguments and environments of all processes, on *hosts* and below this one, meanwhile."""
    seen = Seen()
    for host in hosts:
        _start_on_host(lab, host, words)
    stop, found = threading.Event(), set[str]()
    looks = [0]
    here = threading.Thread(target=_look_here, args=(words, stop, looks, found))
    here.start()
    with subprocess.Popen([sys.executable, "-c", "input()", CONTROL], stdin=subprocess.PIPE) as control:
        try:
            yield seen
        finally:
            stop.set()
            here.join()
            control.communicate(b"\n")
    seen.add("operator", looks[0], found)
    for host in hosts:
        said = lab.run(host, "touch /run/onlooker-stop; cat /run/onlooker").splitlines()
        seen.add(host, int(said[0]), set(said[1:]))


def _start_on_host(lab: Lab, host: str, words: Sequence[str]) -> None:
    listed = ", ".join(json.dumps(word) for word in (*words, CONTROL))
    script = _ON_HOST.replace("WORDS", listed).replace("CONTROL", CONTROL).replace("LOOKS", str(_LOOKS_A_SECOND))
    started = lab.swarmkit("lab", "ssh", host, "--", "rm -f /run/onlooker*; perl -", stdin=script)
    assert started.returncode == 0, started.stdout + started.stderr


def _look_here(words: Sequence[str], stop: threading.Event, looks: list[int], found: set[str]) -> None:
    while not stop.wait(1 / _LOOKS_A_SECOND):
        looks[0] += 1
        for process in _below(os.getpid()):
            for what in ("cmdline", "environ"):
                said = _read(process / what)
                name = _read(process / "comm").strip()
                found.update(f"{word} in {what} of {name}" for word in (*words, CONTROL) if word in said)


def _below(process: int) -> Iterator[Path]:
    """Yield the folders in /proc of the processes that *process* has started, and those of theirs."""
    for thread in Path(f"/proc/{process}/task").glob("*/children"):
        for child in _read(thread).split():
            yield Path("/proc", child)
            yield from _below(int(child))


def _read(path: Path) -> str:
    """Return what a process tells of itself; nothing where it has ended meanwhile."""
    try:
        return path.read_bytes().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
