"""Asking the managers of a cluster in turn, until one of them can answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from swarmkit.reach.engine import Engine, EngineError, Json

T = TypeVar("T")


class AnyManager:
    """The hosts that may be managers; the one that answered last is asked first."""

    def __init__(self, engines: Iterable[Engine]) -> None:
        self._engines = list(engines)

    def avoid(self, host: str) -> None:
        """Ask *host* last from now on."""
        self._engines.sort(key=lambda engine: engine.host == host)

    def ask(self, question: Callable[[Engine], T]) -> T:
        """Return the first answer: a host that is no manager any more, or has no leader, has done nothing (503)."""
        refused: EngineError | None = None
        for engine in list(self._engines):
            try:
                return question(engine)
            except EngineError as error:
                if error.status != 503:
                    raise
                refused = error
                self._engines.append(self._engines.pop(0))
        assert refused is not None  # noqa: S101 - a fleet has a host
        raise refused

    def config(self, name: str) -> Json | None:
        """Return the config object *name*, None when there is none."""
        found = self.ask(lambda engine: engine.find("configs", {"name": [name]}))
        return next((item for item in found if item["Spec"]["Name"] == name), None)
