"""Trust: show the SSH keys that hosts present, and record those the operator confirms."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.errors import InputError, SwarmkitError, UnreachableError
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.host_key_scan import ScannedKey, scan_host_key
from swarmkit.reach.host_keys import fingerprint, refusal
from swarmkit.reach.known_hosts_file import KeyLine, record_keys
from swarmkit.reach.ssh_config import hops_to, read_ssh_settings
from swarmkit.reach.ssh_connect import Hop

KeyState = Literal["trusted", "unknown", "changed", "refused"]


@dataclass(frozen=True)
class PresentedKey:
    """The key a host or jump host presented, and what is known of it so far."""

    hop: Hop
    scanned: ScannedKey
    state: KeyState
    """``refused``: revoked, or not the one that the inventory pins; recording it would not help."""
    why: str = ""

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.scanned.key)

    @property
    def expected(self) -> tuple[tuple[str, str], ...]:
        """Fingerprint and place of the keys known so far, when the host presents another."""
        known = self.hop.keys.trusted if self.state == "changed" else ()
        return tuple((fingerprint(entry.key), entry.place) for entry in known)

    @property
    def line(self) -> KeyLine:
        return KeyLine(self.hop.keys.lookup, self.scanned.key_type, self.scanned.key)


def trust(
    inventory: Inventory,
    names: Sequence[str],
    *,
    replace: bool,
    show: Callable[[Sequence[PresentedKey]], None],
    confirm: Callable[[Sequence[PresentedKey]], bool],
    tell: Callable[[SwarmkitError], None],
) -> None:
    """Make the keys of *names* (all hosts when empty) and of the jump hosts before them trusted.

    Jump hosts come first: what lies behind one is asked for through it. Keys are shown, confirmed and recorded round
    by round; without *replace* a changed key is never recorded. Raises InputError for an unknown name and
    UnreachableError when a host could not be asked or is not trusted at the end. Of one that shall leave and that
    nobody named, *tell* is told why it could not be asked: it may be gone.
    """
    failures: list[SwarmkitError] = []
    depth = 1
    while targets := _targets(inventory, names, depth):
        presented, silent = _scan(targets)
        show(presented)
        wanted = [key for key in presented if key.state == "unknown" or (replace and key.state == "changed")]
        agreed = bool(wanted) and confirm(wanted)
        if agreed:
            _record(wanted)
        for target, error in silent.items():
            host, way = targets[target]
            if host in inventory.leaving and way[-1].name not in names:
                tell(error)
            else:
                failures.append(error)
        failures += [
            _not_trusted(key) for key in presented if key.state != "trusted" and not (agreed and key in wanted)
        ]
        if failures:
            raise _all(failures)
        depth += 1


def _targets(inventory: Inventory, names: Sequence[str], depth: int) -> dict[str, tuple[Host, tuple[Hop, ...]]]:
    """Return lookup name -> a host on whose way it is and the hops to it, of hops at *depth*; each machine once."""
    everyone = inventory.with_leaving
    settings = read_ssh_settings(everyone)
    ways = [(host, hops_to(host, settings)) for host in everyone.hosts]
    known = {hop.name for _, hops in ways for hop in hops}
    _refuse_unknown(names, sorted(known))
    targets: dict[str, tuple[Host, tuple[Hop, ...]]] = {}
    for host, hops in ways:
        last = max((number for number, hop in enumerate(hops, 1) if not names or hop.name in names), default=0)
        if depth <= last:
            way = hops[:depth]
            targets.setdefault(">".join(hop.keys.lookup for hop in way), (host, way))
    return targets


def _refuse_unknown(names: Sequence[str], known: Sequence[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
        raise InputError(f"no host {', '.join(unknown)} in the inventory", to_do=hint)


def _scan(
    targets: Mapping[str, tuple[Host, tuple[Hop, ...]]],
) -> tuple[list[PresentedKey], dict[str, SwarmkitError]]:
    answers = fan_out(targets, lambda target: scan_host_key(*targets[target]))
    presented: list[PresentedKey] = []
    silent: dict[str, SwarmkitError] = {}
    for target, answer in answers.items():
        if isinstance(answer, ScannedKey):
            presented.append(_judge(targets[target][1][-1], answer))
        elif isinstance(answer, SwarmkitError):
            silent[target] = answer
        else:
            raise answer
    return presented, silent


def _judge(hop: Hop, scanned: ScannedKey) -> PresentedKey:
    why = refusal(hop.name, hop.keys, scanned.key_type, scanned.key)
    if why is None:
        return PresentedKey(hop, scanned, "trusted")
    is_revoked = any(entry.key == scanned.key for entry in hop.keys.revoked)
    if is_revoked or (hop.keys.pinned and hop.keys.pinned != fingerprint(scanned.key)):
        return PresentedKey(hop, scanned, "refused", str(why))
    return PresentedKey(hop, scanned, "changed" if hop.keys.trusted else "unknown")


def _record(keys: Sequence[PresentedKey]) -> None:
    for file in dict.fromkeys(key.hop.keys.file for key in keys):
        mine = [key for key in keys if key.hop.keys.file == file]
        lines = dict.fromkeys(key.line for key in mine)
        record_keys(file, lines, replacing=[key.hop.keys.lookup for key in mine if key.state == "changed"])


def _not_trusted(key: PresentedKey) -> SwarmkitError:
    name = key.hop.name
    if key.state == "refused":
        return UnreachableError(key.why)
    if key.state == "changed":
        why = "it presents another than the one recorded"
        to_do = f"if you rebuilt the host, run: {key.hop.keys.trust_command('--replace', name)}"
        return UnreachableError(f"{name}: host key has changed", why, to_do)
    return UnreachableError(f"{name}: host key not trusted", "not confirmed, nothing was recorded")


def _all(failures: Sequence[SwarmkitError]) -> SwarmkitError:
    if len(failures) == 1:
        return failures[0]
    return UnreachableError(f"{len(failures)} hosts are not trusted", "\n".join(map(str, failures)))
