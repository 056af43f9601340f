"""Files that come with the toolkit beside its code: playbooks, inventories."""

from __future__ import annotations

import sysconfig
from pathlib import Path


def shipped(folder: str) -> tuple[Path, Path]:
    """Return where the files of *folder* are: in a checkout, and in an installed package. One of them is there."""
    return (
        Path(__file__).resolve().parents[2] / folder,
        Path(sysconfig.get_path("data")) / "share" / "swarmkit" / folder,
    )
