"""What the doctor found: the ways between hosts as a matrix, then the findings, errors last, where the eye ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from swarmkit.doctor.codes import EXPLANATIONS, Explanation, page_of
from swarmkit.doctor.model import Way
from swarmkit.finding import Finding
from swarmkit.report.finding_text import finding_lines
from swarmkit.report.layout import counted, line
from swarmkit.report.plan_json import finding_as_json
from swarmkit.report.tables import columns

SCHEMA = "swarmkit.doctor/1"


def print_diagnosis(console: Console, findings: Sequence[Finding], ways: Sequence[Way], hosts: Sequence[str]) -> None:
    """Print the matrix, every finding with its remedy and page, and the count."""
    if ways:
        console.print(_matrix(ways, hosts))
        console.print()
    for finding in sorted(findings, key=lambda finding: finding.severity == "error"):
        console.print(*finding_lines(finding), line("  more   ", f"swarmkit doctor --explain {finding.code}"), sep="\n")
        console.print()
    errors = sum(finding.severity == "error" for finding in findings)
    told = [counted(errors, "error"), counted(len(findings) - errors, "warning")] if findings else ["nothing found"]
    text = f"{', '.join(told)} on {counted(len(hosts), 'host')}; {counted(len(ways), 'way')} between them tried"
    console.print(Text(text, style="bold red" if errors else "bold green"))


def diagnosis_as_json(findings: Sequence[Finding], ways: Sequence[Way], hosts: Sequence[str]) -> dict[str, Any]:
    """Return all of it as JSON values."""
    return {
        "schema": SCHEMA,
        "hosts": list(hosts),
        "counts": {level: sum(finding.severity == level for finding in findings) for level in ("error", "warning")},
        "findings": [{**finding_as_json(finding), "documentation": page_of(finding.code)} for finding in findings],
        "ways": [
            {"from": way.source, "to": way.target, "kind": way.kind, "passes": way.passes, "said": way.said}
            for way in ways
        ],
    }


def explanation_text(code: str) -> str:
    """Return what *code* means, for the terminal."""
    told = EXPLANATIONS[code]
    return "\n".join(
        (
            f"{code}  {told.title}",
            f"  symptom  {told.symptom}",
            f"  remedy   {told.remedy}",
            f"  source   {told.source}",
        )
    )


def document() -> str:
    """Return docs/checks.md: every code with symptom, remedy and source."""
    rows = "\n".join(f"| [{code}](#{code.lower()}) | {told.title} |" for code, told in sorted(EXPLANATIONS.items()))
    pages = "\n\n".join(_page(code, told) for code, told in sorted(EXPLANATIONS.items()))
    return f"{_HEAD}\n\n| code | what is found |\n|---|---|\n{rows}\n\n{pages}\n"


_HEAD = """# What `swarmkit doctor` finds

Made by `make docs` from the checks themselves. `swarmkit doctor --explain CODE` prints an entry; `--only CODE` and
`--skip CODE` choose among them. What `swarmkit verify` proves (V-codes) is in [proof.md](proof.md)."""


def _page(code: str, told: Explanation) -> str:
    return f"## {code}\n\n**{told.title}.** {told.symptom}\n\n- Remedy: {told.remedy}\n- Source: {told.source}"


def _matrix(ways: Sequence[Way], hosts: Sequence[str]) -> Any:
    blocked: dict[tuple[str, str], list[str]] = {(way.source, way.target): [] for way in ways}
    for way in ways:
        if not way.passes:
            blocked[way.source, way.target].append(way.kind)

    def cell(source: str, target: str) -> Text:
        if (source, target) not in blocked:
            return Text("-", style="dim")
        missing = blocked[source, target]
        return Text(f"no {', '.join(missing)}", style="bold red") if missing else Text("all pass", style="green")

    rows = [[Text(source), *(cell(source, target) for target in hosts)] for source in hosts]
    return columns(["from \\ to", *hosts], rows)
