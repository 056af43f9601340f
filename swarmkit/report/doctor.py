"""What the doctor found: the ways between hosts as a matrix, then the findings, errors first, and the count."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from swarmkit.doctor.codes import EXPLANATIONS, TOLD_ELSEWHERE, page_of
from swarmkit.doctor.model import Diagnosis, Way
from swarmkit.finding import Explanation, Finding
from swarmkit.report.finding_text import by_severity, finding_lines
from swarmkit.report.layout import clean, counted, line
from swarmkit.report.plan_json import finding_as_json
from swarmkit.report.tables import columns
from swarmkit.verify.explained import PROOFS

SCHEMA = "swarmkit.doctor/1"
ALL_CODES: dict[str, Explanation] = {**EXPLANATIONS, **TOLD_ELSEWHERE, **PROOFS}


def print_diagnosis(console: Console, diagnosis: Diagnosis) -> None:
    """Print the matrix, every finding with its remedy and page, and the count."""
    findings, ways, hosts = diagnosis.findings, diagnosis.ways, diagnosis.hosts
    if ways:
        console.print(_matrix(ways, hosts))
        console.print()
    for finding in by_severity(findings):
        if _cause_of(finding, findings):
            continue
        following = sorted({one.code for one in findings if _cause_of(one, findings) == finding})
        verb = "follows" if len(following) == 1 else "follow"
        follow = f"{', '.join(following)} {verb} from it"
        also = [line("  also   ", follow, prefix_style="dim")] if following else []
        console.print(
            *finding_lines(finding),
            *also,
            line("  more   ", f"swarmkit doctor --explain {finding.code}, {page_of(finding.code)}"),
            sep="\n",
        )
        console.print()
    errors = sum(finding.severity == "error" for finding in findings)
    told = [counted(errors, "error"), counted(len(findings) - errors, "warning")] if findings else ["nothing found"]
    looked = f"{counted(len(diagnosis.checks), 'check')} on {counted(len(hosts), 'host')}"
    text = f"{', '.join(told)} by {looked}; {counted(len(ways), 'way')} between them tried"
    if diagnosis.silent:
        text += f"; nothing is known of {', '.join(diagnosis.silent)}, which could not be read (D11)"
    console.print(Text(clean(text), style="bold red" if errors or diagnosis.silent else "bold green"))


def _cause_of(finding: Finding, findings: Iterable[Finding]) -> Finding | None:
    """Return the finding that explains *finding*; None where there is none among *findings*.

    At the same place; of hosts (H36) one that names an end of it.
    """
    causes = [one for one in findings if one.code == finding.follows_from]
    same = (one for one in causes if one.where == finding.where)
    return next(same, None) or next((one for one in causes if _hosts(one) & _hosts(finding)), None)


def _hosts(finding: Finding) -> set[str]:
    return {*re.split(r", | <?-> | \| ", finding.where)}


def diagnosis_as_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return all of it as JSON values; their schema is docs/schema/doctor.1.json."""
    findings = diagnosis.findings
    return {
        "schema": SCHEMA,
        "hosts": list(diagnosis.hosts),
        "unread": list(diagnosis.silent),
        "checks": list(diagnosis.checks),
        "counts": {level: sum(finding.severity == level for finding in findings) for level in ("error", "warning")},
        "findings": [
            {**finding_as_json(finding), "documentation": page_of(finding.code)}
            | ({"follows_from": finding.follows_from} if _cause_of(finding, findings) else {})
            for finding in findings
        ],
        "ways": [
            {"from": way.source, "to": way.target, "kind": way.kind, "passes": way.passes, "said": way.said}
            for way in diagnosis.ways
        ],
    }


def explanation_text(code: str) -> str:
    """Return what *code*, of the doctor, a plan, a file or a proof, means, for the terminal."""
    told = ALL_CODES[code]
    return "\n".join(
        (
            f"{code}  {told.title}",
            f"  symptom  {told.symptom}",
            f"  cause    {told.cause}",
            f"  remedy   {told.remedy}",
            f"  source   {told.source}",
        )
    )


def titles_text() -> str:
    """Return every code with its title, a line each."""
    return "\n".join(f"{code}  {told.title}" for code, told in ALL_CODES.items())


def document() -> str:
    """Return docs/checks.md: every code there is."""
    told = (_HEAD, EXPLANATIONS), (_ELSEWHERE_HEAD, TOLD_ELSEWHERE), (_PROOFS_HEAD, PROOFS)
    return "\n\n".join(f"{head}\n{_table(codes)}" for head, codes in told) + "\n"


_HEAD = """# What `swarmkit doctor` finds and `swarmkit verify` proves

Made by `make docs` from the checks themselves. `swarmkit doctor --explain CODE` prints an entry, `--explain all` the
list; `--only CODE` and `--skip CODE` choose among the doctor's. `swarmkit up` refuses on its errors; `--override CODE`
goes on in spite of one.
The doctor changes no file, setting, rule or network of a host. What a kernel can do is tried in a throw-away namespace,
for which the modules that dockerd itself loads (`xfrm_user`, `xfrm_algo`, `esp4`, `vxlan`, `xt_bpf`, `xt_policy`,
`ip_vs`, `ip_vs_rr`, `xt_ipvs`, and what the kernel brings along) are loaded where they are not yet.
They stay loaded: by the time that one was taken away another run might rely on it, or an engine, which looks for IPVS
once, when it starts. Each is one that Docker loads itself for the first encrypted network and published port: on a lab
host, after all that a doctor had left were unloaded, that brought every one of them back (`tests/lab/test_doctor.py`).
Packets between hosts are sent and heard by perl or python3. On a host with neither, bash tries the connections, where a
refusal counts as an answer if the other host has heard what it answers, and ping, where it is there, the path's MTU.
ESP and UDP cannot be tried so, nor can it be told who refuses a connection to that host, itself or a firewall: H07 says
it.
On healthy hosts it finds nothing: measured in [benchmarks/README.md](../benchmarks/README.md#healthy).

## Before: the doctor's codes

B are inputs, H hazards, S the way in by SSH, D checks of this project's own. B26, B45 and D13 are told by
`plan` and `up`, from what they would do; of D12 the doctor compares what several hosts' networks on a LAN give out, and
`up` and `network create` tell the rest, of what they would make;
H19, H21, H43, H80 and H84 are looked for in a stack, with `-f`.
"""
_ELSEWHERE_HEAD = """## Files and plans

What a file is refused for before any host is asked, and what a plan of `up`, `backup`, `restore`, `rollback` and the
like is refused for or warns of.
"""
_PROOFS_HEAD = """## After: the proofs' codes

How each is proved is in [proof.md](proof.md); here is what it means when it does not hold.
"""


def _table(told: Mapping[str, Explanation]) -> str:
    rows = (
        f'| <a id="{code.lower()}"></a>{code} | {" | ".join(dataclasses.astuple(one))} |' for code, one in told.items()
    )
    return "\n".join(("| code | what | symptom | cause | remedy | source |", "|---|---|---|---|---|---|", *rows))


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
