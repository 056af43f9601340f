"""One finding in full: code, where, what, evidence, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.text import Text

from swarmkit.finding import Finding, Severity
from swarmkit.report.layout import Line, clean, line

SEVERITY_STYLES: dict[Severity, str] = {"error": "bold red", "warning": "yellow", "ok": "green"}
_ORDER: tuple[Severity, ...] = ("error", "warning", "ok")


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Return *findings* with errors first, in their own order otherwise."""
    return sorted(findings, key=lambda finding: _ORDER.index(finding.severity))


def finding_lines(finding: Finding) -> Iterator[Line]:
    """Yield the finding's heading, what was found, its evidence and its remedy."""
    style = SEVERITY_STYLES[finding.severity]
    heading = Text.assemble((finding.code, "bold"), "  ", clean(finding.where))
    yield Line(Text(f"{finding.severity}  ", style=style), heading)
    yield line("  ", finding.what)
    if finding.evidence:
        yield line("  seen   ", finding.evidence, prefix_style="dim", style="dim")
    if finding.remedy:
        yield line("  to do  ", finding.remedy, prefix_style="dim", style="bold")
