"""Second round: the probes of one host, all at once, and its encryption after them. Leaves nothing behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from swarmkit.reach.fleet import Shell
from swarmkit.verify.dns import Answer, parse_answer
from swarmkit.verify.probes import Ask, Connect, Probe
from swarmkit.verify.script import run_script
from swarmkit.verify.wire import Wire, parse_wire
from swarmkit.verify.xfrm import Ipsec, parse_ipsec

PROBE_TIMEOUT_SECONDS = 30.0
NO_ANSWER = "no answer within 3.5 s"


@dataclass(frozen=True)
class Result:
    """A probe, whether it proved what it should, and what was answered."""

    probe: Probe
    holds: bool
    answer: str

    def __str__(self) -> str:
        return self.probe.told(self.answer, holds=self.holds)


@dataclass(frozen=True)
class HostAnswers:
    results: tuple[Result, ...]
    ipsec: Ipsec | None
    wire: Wire | None = None


def probe_host(shell: Shell, probes: Sequence[Probe], *, encrypted: bool, wire: str | None = None) -> HostAnswers:
    """Run *probes* on the host and return each with its answer; raises SwarmkitError when none could be run.

    *wire* is what to watch meanwhile, see wire_wish.
    """
    wishes = ([wire] if wire else []) + _wishes(probes) + (["ipsec"] if encrypted else [])
    said = run_script(shell, "probe.sh", wishes, timeout_seconds=PROBE_TIMEOUT_SECONDS)
    answers = _answers(said["answers"], "dns", "tcp")
    lost = {
        pid: f"its network could not be entered (nsenter ended with {code})"
        for pid, code in _answers(said["answers"], "lost").items()
    }
    return HostAnswers(
        results=tuple(
            _judge(probe, answers.get(key), lost.get(probe.pid, NO_ANSWER)) for key, probe in enumerate(probes)
        ),
        ipsec=parse_ipsec(said["states"], said["xfrm_stat"]) if encrypted else None,
        wire=parse_wire(said.get("wire", "")) if wire else None,
    )


def _wishes(probes: Sequence[Probe]) -> list[str]:
    namespaces: dict[int, list[str]] = {}
    for key, probe in enumerate(probes):
        namespaces.setdefault(probe.pid, []).append(probe.wish(key))
    return [line for pid, wishes in namespaces.items() for line in (f"in {pid}", *wishes)]


def _answers(text: str, *kinds: str) -> Mapping[int, str]:
    """Return what was answered in lines of *kinds*, by key; a line of another form is no answer."""
    found: dict[int, str] = {}
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        key, _, answer = rest.partition(" ")
        if kind in kinds and key.isdecimal():
            found[int(key)] = answer
    return found


def _judge(probe: Probe, answer: str | None, otherwise: str) -> Result:
    if answer is None:
        return Result(probe, holds=False, answer=otherwise)
    if isinstance(probe, Connect):
        return Result(probe, holds=probe.holds(answer), answer=answer)
    return _judge_name(probe, answer)


def _judge_name(probe: Ask, answer: str) -> Result:
    try:
        resolved = parse_answer(bytes.fromhex(answer))
    except ValueError as error:
        return Result(probe, holds=False, answer=str(error))
    return Result(probe, holds=probe.holds(resolved.addresses), answer=_shown(resolved))


def _shown(answer: Answer) -> str:
    return ", ".join(sorted(answer.addresses)) or answer.code
