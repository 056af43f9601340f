"""A proof's outcome as a text file for Prometheus' node exporter (its textfile collector)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from swarmkit.finding import Finding
from swarmkit.report.findings import is_proved
from swarmkit.report.whole_file import write_whole

READABLE_BY_ALL = 0o644
"""The exporter runs as another user; the file holds codes and counts alone."""


def metrics_text(findings: Sequence[Finding], *, cluster: str, seconds: float, now: float) -> str:
    """Return the metrics; *seconds* is how long the proof took, *now* the time since the epoch."""
    label = cluster.replace("\\", "\\\\").replace('"', '\\"')
    counts = Counter((finding.code, finding.severity) for finding in findings)
    lines = [
        "# HELP swarmkit_verify_proved Whether everything was proved.",
        "# TYPE swarmkit_verify_proved gauge",
        f'swarmkit_verify_proved{{cluster="{label}"}} {int(is_proved(findings))}',
        "# HELP swarmkit_verify_findings Findings by code and severity.",
        "# TYPE swarmkit_verify_findings gauge",
        *(
            f'swarmkit_verify_findings{{cluster="{label}",code="{code}",severity="{severity}"}} {count}'
            for (code, severity), count in sorted(counts.items())
        ),
        "# HELP swarmkit_verify_duration_seconds How long the proof took.",
        "# TYPE swarmkit_verify_duration_seconds gauge",
        f'swarmkit_verify_duration_seconds{{cluster="{label}"}} {seconds:.3f}',
        "# HELP swarmkit_verify_end_time_seconds When it ended.",
        "# TYPE swarmkit_verify_end_time_seconds gauge",
        f'swarmkit_verify_end_time_seconds{{cluster="{label}"}} {now:.0f}',
    ]
    return "\n".join(lines) + "\n"


def write_metrics(path: Path, text: str) -> None:
    """Write *text* to *path* at once: the exporter never reads half of it. Raises OSError."""
    write_whole(path, text, mode=READABLE_BY_ALL)
