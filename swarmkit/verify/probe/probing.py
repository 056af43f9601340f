"""Second round: the probes of one host, all at once, and its encryption after them. Leaves nothing behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from swarmkit.reach.fleet import Shell
from swarmkit.verify.encryption.xfrm import Ipsec, parse_ipsec
from swarmkit.verify.probe.cable import Cable, parse_cable
from swarmkit.verify.probe.dns import Answer, parse_answer
from swarmkit.verify.probe.probes import FORBIDDING, Ask, Connect, NotAsk, NotConnect, Probe
from swarmkit.verify.probe.script import Language, run_script

PROBE_TIMEOUT_SECONDS = 30.0
PATIENCE_SECONDS = 3.5
SECOND_PATIENCE_SECONDS = 9.0


@dataclass(frozen=True)
class Result:
    """A probe, whether it proved what it should, and what was answered."""

    probe: Probe
    holds: bool
    answer: str
    tries: int = 1
    addresses: frozenset[str] = frozenset()
    """What a name resolved to."""
    is_asked: bool = True
    """False where nothing could be asked from there; *answer* says why."""
    is_answered: bool = True
    """False where nothing came back in time."""

    def __str__(self) -> str:
        told = self.probe.told(self.answer, holds=self.holds)
        return f"{told} (at the second try)" if self.holds and self.tries > 1 else told


@dataclass(frozen=True)
class HostAnswers:
    results: tuple[Result, ...]
    ipsec: Ipsec | None
    cable: Cable | None = None

    @property
    def failed(self) -> list[Probe]:
        """The probes that deserve a second try; what must not answer and did deserves none."""
        return [one.probe for one in self.results if not one.holds and not isinstance(one.probe, FORBIDDING)]

    def with_second(self, again: HostAnswers) -> HostAnswers:
        """Return these answers with those of a second try, which was asked for some of them only."""
        second = {result.probe: replace(result, tries=2) for result in again.results}
        cable = self.cable.with_second(again.cable) if self.cable and again.cable else self.cable
        results = tuple(second.get(result.probe, result) for result in self.results)
        return HostAnswers(results, again.ipsec or self.ipsec, cable)


def probe_host(
    shell: Shell,
    probes: Sequence[Probe],
    patience_seconds: float,
    *,
    encrypted: bool,
    cabling: Sequence[str],
    speaks: Language | None,
) -> HostAnswers:
    """Run *probes* on the host and return each with its answer; raises SwarmkitError when none could be run.

    *cabling* is what to send and to watch meanwhile, see Parcels.wishes. Without a language, bash asks and connects.
    """
    patience = f"patience {patience_seconds:g}"
    asking = [f"cable {line}" if speaks else line for line in (patience, *_wishes(probes))]
    wishes = [*cabling, *asking, *(["ipsec"] if encrypted else [])]
    said = run_script(shell, "probe.sh", wishes, timeout_seconds=PROBE_TIMEOUT_SECONDS, speaks=speaks)
    text = said.get("cable", "") if speaks else said["answers"]
    answers = _answers(text, "dns", "tcp")
    lost = {pid: f"its network could not be entered ({why})" for pid, why in _answers(text, "lost").items()}
    cable = parse_cable(said.get("cable", "")) if cabling or speaks else None
    blind = cable.why_blind if cable and speaks else ""
    silence = f"no answer within {patience_seconds:g} s"
    return HostAnswers(
        results=tuple(
            _judge(probe, answers.get(key), lost.get(probe.pid, blind), silence) for key, probe in enumerate(probes)
        ),
        ipsec=parse_ipsec(said["states"], said["xfrm_stat"]) if encrypted else None,
        cable=cable if cabling else None,
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


def _judge(probe: Probe, answer: str | None, unasked: str, silence: str) -> Result:
    if answer is None:
        # A name that must not resolve may well hang, at a resolver outside that does not answer.
        holds = isinstance(probe, FORBIDDING) and not unasked
        return Result(probe, holds, unasked or silence, is_asked=not unasked, is_answered=False)
    if isinstance(probe, NotConnect):
        return Result(probe, holds=answer != "ok", answer=answer)
    if isinstance(probe, Connect):
        return Result(probe, holds=probe.holds(answer), answer=answer)
    return _judge_name(probe, answer)


def _judge_name(probe: Ask | NotAsk, answer: str) -> Result:
    try:
        resolved = parse_answer(bytes.fromhex(answer))
    except ValueError as error:
        return Result(probe, holds=False, answer=str(error))
    return Result(probe, probe.holds(resolved.addresses), _shown(resolved), addresses=resolved.addresses)


def _shown(answer: Answer) -> str:
    return ", ".join(sorted(answer.addresses)) or answer.code
