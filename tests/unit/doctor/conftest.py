"""Whatever a test here makes a check find is held to this: what was read, and what to do, are both there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from swarmkit.finding import Finding


@pytest.fixture(autouse=True)
def no_bare_finding(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No code is exempt: a check reads something before it speaks, and it can say where to go from there."""
    made: list[Finding] = []
    make = Finding.__init__

    def record(finding: Finding, *words: Any, **named: Any) -> None:
        make(finding, *words, **named)
        made.append(finding)

    monkeypatch.setattr(Finding, "__init__", record)
    yield
    assert [finding for finding in made if not (finding.evidence.strip() and finding.remedy.strip())] == []
