"""Count, and on request keep, every frame that crosses the lab's cable."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from swarmkit.errors import SwarmkitError
from swarmkit.lab import control
from swarmkit.lab.frames import VXLAN_PORT, Counts, classify
from swarmkit.lab.pcap import PcapWriter
from swarmkit.lab.places import Places

_FRAME_BYTES = 1 << 17


def capture(
    places: Places,
    seconds: float,
    *,
    pcap: Path | None = None,
    vxlan_port: int = VXLAN_PORT,
    counts: Counts | None = None,
) -> Counts:
    """Return what crossed the cable in *seconds*; KeyboardInterrupt ends it early and *counts* has what was seen."""
    counts = Counts() if counts is None else counts
    with wire(places) as packets, _writer(pcap) as writer:
        for moment, frame in _frames(packets, seconds):
            counts.add(classify(frame, vxlan_port))
            if writer:
                writer.write(moment, frame)
    return counts


@contextmanager
def wire(places: Places) -> Iterator[socket.socket]:
    """Yield a raw socket on the lab's cable: it buffers from now on, also while nobody reads."""
    if not control.is_supervised(places.state):
        raise SwarmkitError("the lab is down: nothing crosses its cable", "", "swarmkit lab up")
    packets = control.ask(places.state, "capture").passed
    if packets is None:
        raise SwarmkitError("the lab's supervisor passed no socket")
    with packets:
        yield packets


def _frames(packets: socket.socket, seconds: float) -> Iterator[tuple[int, bytes]]:
    deadline = time.monotonic() + seconds
    packets.settimeout(0)
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([packets], [], [], left)[0]:
            return
        with contextlib.suppress(BlockingIOError):
            yield time.time_ns(), packets.recv(_FRAME_BYTES)


@contextmanager
def _writer(pcap: Path | None) -> Iterator[PcapWriter | None]:
    if pcap is None:
        yield None
        return
    try:
        file = pcap.open("wb")
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise SwarmkitError(
            f"cannot write the frames to {pcap}", why, "name a file in a folder that is there"
        ) from error
    with file:
        yield PcapWriter(file)
