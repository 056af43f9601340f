"""The page itself: a template with autoescape, its style within; no script, and a policy that allows none."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain, groupby
from typing import Any

from swarmkit import __version__
from swarmkit.finding import Finding
from swarmkit.proof import Proof
from swarmkit.report.doctor import ALL_CODES
from swarmkit.report.findings import groups_of_following, is_proved, worst_first
from swarmkit.report.layout import clean, counted, seconds_text
from swarmkit.report.page.topology import draw
from swarmkit.report.page.ways import ways_of


def proof_page(proof: Proof, *, cluster: str, seconds: float, now: datetime.datetime) -> str:
    """Return *proof* as an HTML page; *seconds* is how long it took, *now* when it ended.

    What hosts said is masked and escaped: nothing of it can act in the browser.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("swarmkit.report.page", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters["breakable"] = _breakable
    counts = Counter(finding.severity for finding in proof.findings)
    return environment.get_template("proof.html.j2").render(
        cluster=cluster,
        version=__version__,
        when=now.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        took=seconds_text(seconds),
        proved=is_proved(proof.findings),
        counts=[counted(counts["error"], "error"), counted(counts["warning"], "warning"), f"{counts['ok']} proved"],
        wrong=list(chain(*worst_first(proof.findings))),
        following=list(groups_of_following(proof.findings).items()),
        proofs=_by_code(proof.findings),
        topology=draw(proof),
        ports=proof.ports,
        ways=ways_of(proof.findings),
    )


def _shown(value: Any) -> Any:
    return clean(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _breakable(name: str) -> Any:
    """Return *name* as markup that a narrow screen breaks after a _ or before an @, not within a word."""
    from markupsafe import Markup

    return Markup("<wbr>").join(re.split("(?<=_)|(?=@)", clean(name)))


def _by_code(findings: Sequence[Finding]) -> list[tuple[str, str, list[Finding]]]:
    held = sorted((finding for finding in findings if finding.severity == "ok"), key=lambda finding: finding.code)
    groups = [(code, list(group)) for code, group in groupby(held, key=lambda finding: finding.code)]
    return [(code, ALL_CODES[code].title if code in ALL_CODES else group[0].what, group) for code, group in groups]
