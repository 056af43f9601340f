"""What was proved and what was not, as text for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.text import Text

from swarmkit.doctor.codes import page_of
from swarmkit.finding import Finding
from swarmkit.proof import Proof
from swarmkit.report.finding_text import by_severity, finding_lines
from swarmkit.report.json_value import json_value
from swarmkit.report.layout import Line, clean, counted, line
from swarmkit.report.plan_json import finding_as_json

SCHEMA = "swarmkit.verify/1"
_NAMED_PLACES = 6

_MANY = {
    "V00": "managers tell of the cluster",
    "V01": "hosts are ready nodes, as declared",
    "V02": "services run as many tasks as declared",
    "V03": "services ended their last update well",
    "V04": "ways on which services are found by name, inside containers, across hosts",
    "V05": "ways on which services are reached, inside containers, across hosts",
    "V06": "published addresses answer, asked from the hosts",
    "V07": "published addresses answer from here",
    "V12": "pairs of hosts carry ESP, and drop the clear frames that were sent to them",
    "V16": "pairs of hosts had ESP frames on the cable, and none in clear",
    "V17": "ways carry payloads, small and of full size, into containers",
    "V18": "services get nothing from those they share no network with",
    "V19": "hosts dropped clear frames that were sent to them for an encrypted network",
    "V22": "swarm certificates are valid, and will be renewed",
    "V24": "ways past the publication of ports lead nowhere",
    "V25": "services run one image each, the one of their spec",
    "V26": "ways between nodes carry the swarm's own traffic",
}
"""What several proofs of one code say together, after their number."""


def print_findings(console: Console, findings: Sequence[Finding], *, all_of_them: bool = False) -> None:
    """Print *findings*: see render_findings."""
    console.print(render_findings(findings, all_of_them=all_of_them))


def render_findings(findings: Sequence[Finding], *, all_of_them: bool = False) -> RenderableType:
    """Return what is wrong in full, errors first, then the proofs condensed by code, and the count.

    Before all stands what is broken, then that from which others follow. These are counted there, and told in full with
    *all_of_them* only.
    """
    parts: list[RenderableType] = []
    following = groups_of_following(findings)
    broken, causes, others = worst_first(findings)
    for finding in (*broken, *causes):
        parts += _apart(parts, _in_full(finding))
    for of_one in following.values():
        parts += _following_lines(of_one, all_of_them=all_of_them)
    for finding in others:
        parts += _apart(parts, _in_full(finding))
    if proved := [finding for finding in findings if finding.severity == "ok"]:
        parts += _apart(parts, _proofs(proved))
    return Group(*parts, Text(), _verdict(findings))


def _in_full(finding: Finding) -> Iterator[Line]:
    """Yield *finding* with where its code is explained: by a command, as the page is not in what pip installs."""
    yield from finding_lines(finding)
    if finding.severity != "ok":
        yield line("  more   ", f"swarmkit doctor --explain {finding.code}, {page_of(finding.code)}")


def _apart(before: Sequence[RenderableType], lines: Iterable[Line]) -> list[RenderableType]:
    """Return *lines* behind an empty one where something stands *before* them."""
    return [*([Text()] if before else []), *lines]


def worst_first(findings: Sequence[Finding]) -> tuple[list[Finding], list[Finding], list[Finding]]:
    """Return what is wrong of itself: what is broken, what other findings follow from, and the rest, errors first."""
    following = groups_of_following(findings)
    wrong = by_severity(one for one in findings if one.severity != "ok" and not one.follows_from)
    broken = [one for one in wrong if one.is_broken]
    causes = [one for one in wrong if one.code in following and not one.is_broken]
    return broken, causes, [one for one in wrong if one not in broken and one not in causes]


def groups_of_following(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """Return by the code of a finding that is there what follows from it."""
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.follows_from:
            found.setdefault(finding.follows_from, []).append(finding)
    return found


def _following_lines(following: Sequence[Finding], *, all_of_them: bool) -> Iterator[RenderableType]:
    codes = ", ".join(sorted({finding.code for finding in following}))
    count, verb = counted(len(following), "finding"), "follows" if len(following) == 1 else "follow"
    told = "they are told here" if all_of_them else "swarmkit verify --all tells each"
    cause = following[0].follows_from
    yield line("  also   ", f"{count} ({codes}) {verb} from {cause}: mend that first; {told}", prefix_style="dim")
    for finding in following if all_of_them else ():
        yield Text()
        yield from _in_full(finding)


def print_changes(console: Console, before: Sequence[Finding], now: Sequence[Finding]) -> None:
    """Print what is wrong *now* and was not *before*, what is gone, and the verdict; nothing when nothing changed."""
    old, new = _wrong(before), _wrong(now)
    still = {key[:-1] for key in new}
    gone = [finding for key, finding in old.items() if key[:-1] not in still]
    come = [finding for key, finding in new.items() if key not in old]
    for told in _gone(gone):
        console.print(Line(Text("gone  ", style="green"), Text(told)))
    broken, causes, others = worst_first(come)
    for finding in (*broken, *causes):
        console.print(*_in_full(finding), sep="\n")
    for following in groups_of_following(come).values():
        console.print(*_following_lines(following, all_of_them=False), sep="\n")
    for finding in others:
        console.print(*_in_full(finding), sep="\n")
    if has_changed(before, now):
        console.print(_verdict(now))


def has_changed(before: Sequence[Finding], now: Sequence[Finding]) -> bool:
    """Tell whether something else is wrong *now*; evidence, which counts bytes and seconds, is no news."""
    return _wrong(before).keys() != _wrong(now).keys() or is_proved(before) != is_proved(now)


def _gone(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield what is gone, a line each; what followed from another was never told, and is counted here too."""
    for finding in findings:
        if not finding.follows_from:
            yield f"{finding.code}  {clean(finding.where)}: {clean(finding.what)}"
    for cause, following in groups_of_following(findings).items():
        codes = ", ".join(sorted({finding.code for finding in following}))
        yield f"{counted(len(following), 'finding')} ({codes}) that followed from {cause}"


def _wrong(findings: Sequence[Finding]) -> dict[tuple[str, str, str, str, str], Finding]:
    # Evidence counts bytes and seconds: it changes each time and is no news. Two volumes of one host, or one network
    # and another between the same two hosts, differ by what is said of them alone; so does what has got worse.
    # What followed from another was counted and not told: it is news when it is still there without that.
    return {
        (finding.code, finding.severity, finding.where, finding.what, finding.follows_from): finding
        for finding in findings
        if finding.severity != "ok"
    }


def proof_as_json(proof: Proof) -> dict[str, Any]:
    """Return *proof* as JSON values, each finding in full; their schema is docs/schema/verify.1.json."""
    findings = proof.findings
    return {
        "schema": SCHEMA,
        "proved": is_proved(findings),
        "counts": {severity: _count(findings, severity) for severity in ("error", "warning", "ok")},
        "findings": [
            {**finding_as_json(finding), "documentation": page_of(finding.code)}
            | ({"follows_from": finding.follows_from} if finding.follows_from else {})
            for finding in findings
        ],
        **{
            name: json_value([asdict(seen) for seen in getattr(proof, name)]) for name in ("hosts", "networks", "ports")
        },
    }


def is_proved(findings: Sequence[Finding]) -> bool:
    """Tell whether there are proofs and no errors: silence proves nothing."""
    return _count(findings, "error") == 0 and _count(findings, "ok") > 0


def _proofs(proved: Sequence[Finding]) -> Iterator[Line]:
    for code, group in groupby(sorted(proved, key=lambda finding: finding.code), lambda finding: finding.code):
        same = list(group)
        prefix = Text.assemble(("proved", "green"), f"  {code}  ")
        if len(same) == 1:
            yield Line(prefix, Text(clean(same[0].what)))
        else:
            body = Text(f"{len(same)} {_MANY.get(code, f'times: {clean(same[0].what)}')}")
            yield Line(prefix, body.append(f"  ({clean(_places(same))})", style="dim"))


def _places(findings: Sequence[Finding]) -> str:
    places = list(dict.fromkeys(finding.where for finding in findings))
    if len(places) > _NAMED_PLACES:
        return f"{', '.join(places[:_NAMED_PLACES])} and {len(places) - _NAMED_PLACES} more"
    return ", ".join(places)


def _verdict(findings: Sequence[Finding]) -> Text:
    errors, warnings, proofs = (_count(findings, severity) for severity in ("error", "warning", "ok"))
    counts = [counted(errors, "error")] if errors else []
    if warnings:
        counts.append(counted(warnings, "warning"))
    counts.append(f"{proofs} proved")
    text = ", ".join(counts)
    return Text(text, style="bold green") if is_proved(findings) else Text(f"not proved: {text}", style="bold red")


def _count(findings: Sequence[Finding], severity: str) -> int:
    return sum(finding.severity == severity for finding in findings)
