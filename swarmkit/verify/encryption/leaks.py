"""What was seen open by one look stays so: a later one that does not see it proves nothing of the first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from swarmkit.verify.encryption.injection import Attempt
from swarmkit.verify.probe.cable import Cable


class Leaks:
    """The frames in clear, and the injected ones that entered, of all looks of one proof so far."""

    def __init__(self) -> None:
        self._open: dict[str, Cable] = {}
        self._entered: set[tuple[str, str]] = set()

    def with_cables(self, cables: Mapping[str, Cable]) -> dict[str, Cable]:
        """Return *cables* with what the looks before saw in clear, by host, and remember what these did."""
        both = {host: cable.with_open(self._open.get(host, Cable())) for host, cable in cables.items()}
        self._open |= {host: cable for host, cable in both.items() if cable.clear or cable.marked}
        return both

    def with_attempts(self, tried: Iterable[Attempt]) -> tuple[Attempt, ...]:
        """Return *tried* with those as entered by which an earlier look saw a frame enter, and remember these."""
        tried = tuple(tried)
        self._entered |= {_end(attempt) for attempt in tried if attempt.entered}
        return tuple(replace(attempt, entered=_end(attempt) in self._entered) for attempt in tried)


def _end(attempt: Attempt) -> tuple[str, str]:
    return attempt.injection.network.id, attempt.injection.receiver
