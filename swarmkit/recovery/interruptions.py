"""What a backup says of the interruptions that it made."""

from __future__ import annotations

from swarmkit.recovery.manifest import DownEntry, Manifest


def interruptions(manifest: Manifest) -> list[str]:
    """Return a clause for the engine, for each service whose volume was taken, and each that had tasks there."""
    down = {entry.service: entry for entry in manifest.down}
    stood: dict[str, float] = {}
    for volume in manifest.volumes:
        stood[volume.service] = stood.get(volume.service, 0.0) + volume.interruption_seconds
    said = [f"the engine of {manifest.host} was stopped for {manifest.stopped_seconds:.1f} s"]
    said += [_said(service, seconds, down.get(service)) for service, seconds in stood.items()]
    return said + [_said(service, 0.0, entry) for service, entry in down.items() if service not in stood]


def _said(service: str, stood: float, down: DownEntry | None) -> str:
    if down is None:
        return f"{service} was interrupted for {stood:.1f} s"
    least = "" if down.is_over else "at least "
    if down.tasks == down.running:
        return f"{service} was interrupted for {least}{stood + down.seconds:.1f} s"
    also = f"; it was interrupted for {stood:.1f} s" if stood else ""
    were = "was" if down.tasks == 1 else "were"
    return f"{down.tasks} of {down.running} tasks of {service} {were} down for {least}{down.seconds:.1f} s{also}"
