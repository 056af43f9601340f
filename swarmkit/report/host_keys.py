"""The SSH keys that hosts present, as the operator compares them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from swarmkit.report.layout import Line, clean, line

_STYLES = {"trusted": "green", "unknown": "yellow", "changed": "bold red", "refused": "bold red"}


@dataclass(frozen=True)
class ShownKey:
    """One host's key and what is known of it."""

    host: str
    endpoint: str
    key_type: str
    fingerprint: str
    file: str
    state: str
    expected: Sequence[tuple[str, str]] = ()
    """Fingerprint and ``file:line`` of the keys recorded before."""


def print_host_keys(console: Console, keys: Sequence[ShownKey]) -> None:
    """Print each key with its state, those that are trusted in one line."""
    for key in keys:
        for text in _lines(key):
            console.print(text)


def _lines(key: ShownKey) -> Iterator[Line]:
    heading = Text.assemble(f"{clean(key.host)} at {clean(key.endpoint)}: ", (key.state, _STYLES[key.state]))
    yield Line(Text(""), heading)
    for old, place in key.expected:
        yield line("  was  ", f"{old}  {place}", prefix_style="dim")
    prefix = "  now  " if key.expected else "  "
    yield line(prefix, f"{key.fingerprint}  {key.key_type}", prefix_style="dim")
    if key.state != "trusted":
        yield line("  ", f"known hosts: {key.file}", style="dim")
