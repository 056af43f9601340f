"""A proof's outcome as a text file for Prometheus' node exporter (its textfile collector)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from swarmkit.finding import Finding
from swarmkit.report.findings import is_proved

READABLE_BY_ALL = 0o644
"""The exporter runs as another user; the file holds codes and counts alone."""


_OF_LAST_PROOF = {
    "swarmkit_verify_duration_seconds": "How long the last proof took.",
    "swarmkit_verify_end_time_seconds": "When the last proof ended.",
}


def metrics_text(findings: Sequence[Finding], *, cluster: str, seconds: float, now: float) -> str:
    """Return the metrics; *seconds* is how long the proof took, *now* the time since the epoch."""
    values = (f"{seconds:.3f}", f"{now:.0f}")
    return _text(findings, cluster, dict(zip(_OF_LAST_PROOF, values, strict=True)))


def unproved_text(error: Finding, *, cluster: str, before: str) -> str:
    """Return the metrics of a try that ended with *error*; of the last proof what the file said *before*."""
    ends = f"{{{_label(cluster)}}} "
    said = {name: line.removeprefix(name + ends) for name in _OF_LAST_PROOF for line in before.splitlines()
            if line.startswith(name + ends)}  # fmt: skip
    return _text([error], cluster, said)


def _text(findings: Sequence[Finding], cluster: str, of_last_proof: Mapping[str, str]) -> str:
    label = _label(cluster)
    counts = Counter((finding.code, finding.severity) for finding in findings)
    lines = [
        *_head("swarmkit_verify_proved", "Whether everything was proved."),
        f"swarmkit_verify_proved{{{label}}} {int(is_proved(findings))}",
        *_head("swarmkit_verify_findings", "Findings by code and severity."),
        *(
            f'swarmkit_verify_findings{{{label},code="{code}",severity="{severity}"}} {count}'
            for (code, severity), count in sorted(counts.items())
        ),
    ]
    for name, value in of_last_proof.items():
        lines += [*_head(name, _OF_LAST_PROOF[name]), f"{name}{{{label}}} {value}"]
    return "\n".join(lines) + "\n"


def _head(name: str, means: str) -> tuple[str, str]:
    return f"# HELP {name} {means}", f"# TYPE {name} gauge"


def _label(cluster: str) -> str:
    escaped = cluster.replace("\\", "\\\\").replace('"', '\\"')
    return f'cluster="{escaped}"'
