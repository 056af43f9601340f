"""How a stack file marks a volume for backup: by commands in its service's container, or by copying it stopped."""

from __future__ import annotations

from swarmkit.declared.documents.complaints import shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.stack import values
from swarmkit.declared.stack.refused_keys import refuse_other_keys
from swarmkit.declared.stack.service import Volume, VolumeBackup
from swarmkit.declared.stack.stack_keys import KEYS

_HOW = "write backup: {dump: [COMMAND], restore: [COMMAND]}, or backup: stopped"


def read_volume_backup(field: Field | None, volume: Volume) -> VolumeBackup | None:
    """Return what ``x-swarmkit`` of *volume* says of its backup, None where it says nothing."""
    if field is None:
        return None
    refuse_other_keys(field, KEYS["volumes.*.x-swarmkit"])
    backup = field.fields().get("backup")
    if backup is None:
        return None
    return _commands(backup) if backup.is_map else _stopped(backup, volume)


def _stopped(field: Field, volume: Volume) -> VolumeBackup | None:
    if field.word != "stopped":
        field.refuse("B05", f"{shown(field.word)} is no way to back a volume up", _HOW)
        return None
    if volume.driver not in (None, "local") or volume.driver_options:
        field.refuse("B05", "only a plain local volume can be copied", "give dump and restore commands")
    return VolumeBackup()


def _commands(field: Field) -> VolumeBackup:
    parts = field.fields()
    refuse_other_keys(field, KEYS["volumes.*.x-swarmkit.backup"])
    dump, restore = (values.command(parts.get(key)) or () for key in ("dump", "restore"))
    if not dump or not restore:
        field.refuse("B05", "a dump needs a command that reads it, and the other way round", _HOW)
    service = parts["service"].text("B38") if "service" in parts else None
    return VolumeBackup(dump, restore, service or "")
