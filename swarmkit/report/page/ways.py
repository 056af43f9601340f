"""Who reaches whom, from the findings about ways ``SOURCE -> TARGET``; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from swarmkit.finding import Finding, Severity

TRIED = {"V04": "names", "V05": "connections", "V17": "packets"}
"""Codes of what shares a network -> what was tried."""
APART = ("V18", "V24")
"""Codes of what shares none, and must not be reached."""


@dataclass(frozen=True)
class Cell:
    mark: str
    kind: Severity
    words: str


@dataclass(frozen=True)
class Ways:
    """Rows by source, columns by target; None where there is nothing to try, as from a service to itself."""

    targets: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell | None, ...]], ...]


def ways_of(findings: Sequence[Finding]) -> Ways:
    """Return the matrix of all ways that *findings* tell of."""
    told: dict[str, dict[str, list[Finding]]] = {}
    for finding in findings:
        source, arrow, target = finding.where.partition(" -> ")
        if arrow and finding.code in (*TRIED, *APART):
            told.setdefault(source, {}).setdefault(target, []).append(finding)
    targets = tuple(sorted({target for of_source in told.values() for target in of_source}))
    # Containers first, then the ingress network, then the hosts themselves.
    sources = sorted(told, key=lambda source: ("@" not in source, source.startswith("ingress@"), source))
    return Ways(
        targets, tuple((source, tuple(_cell(told[source].get(each)) for each in targets)) for source in sources)
    )


def _cell(findings: Sequence[Finding] | None) -> Cell | None:
    if findings is None:
        return None
    wrong = [finding for finding in findings if finding.severity == "error"]
    if wrong:
        codes = ", ".join(dict.fromkeys(finding.code for finding in wrong))
        return Cell("✗", "error", f"{'not apart' if wrong[0].code in APART else 'not reached'}: {codes}")
    if any(finding.code in APART for finding in findings):
        return Cell("–", "ok", "apart")
    tried = dict.fromkeys(TRIED[finding.code] for finding in findings)
    return Cell("✓", "ok", ", ".join(tried))
