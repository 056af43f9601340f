"""Build the disk images of engines ahead: ``python3 -m swarmkit.lab.image 26.1 20.10``, with Python alone."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

from swarmkit.errors import SwarmkitError
from swarmkit.lab.image.disk import SUITES, ensure_image
from swarmkit.lab.places import Places

_INTERRUPTED = 130


def main(engines: list[str]) -> int:
    """Build what the cache lacks for *engines*, in turn; return the exit code: 0, 1 failed, 2 unknown, 130 ended."""
    if unknown := set(engines) - SUITES.keys():
        print(f"no such engine: {', '.join(unknown)}; there are {', '.join(SUITES)}", file=sys.stderr)  # noqa: T201
        return 2
    # Whoever ends it wants the half-made tree gone, as after Ctrl-C.
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        for engine in engines:
            ensure_image(Places.from_environment().cache, engine, lambda said: print(said, flush=True))  # noqa: T201
    except SwarmkitError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


def _interrupted(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
