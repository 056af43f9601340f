"""Files of variables that ``env_file`` names, read as docker reads them: no quotes, no variables in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from swarmkit.declared.documents.complaints import shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.stack import values

_MAXIMUM_BYTES = 1 << 20
_BLANKS = " \t"


def read_environment(parts: dict[str, Field], folder: Path, surroundings: Mapping[str, str]) -> dict[str, str | None]:
    """Return the variables of ``env_file``, then those of ``environment`` over them.

    An empty or missing value is taken from *surroundings* (docker/cli compose/loader updateEnvironment). A relative
    path is seen from *folder*.
    """
    found: dict[str, str | None] = {}
    field = parts.get("env_file")
    for item in [] if field is None else field.items() if field.is_list else [field]:
        found |= _variables(item, folder, surroundings)
    found = {key: value or surroundings.get(key, value) for key, value in found.items()}
    return found | values.environment(parts.get("environment"), surroundings)


def _variables(field: Field, folder: Path, surroundings: Mapping[str, str]) -> dict[str, str | None]:
    if field.is_map:
        what = "path and required are docker compose's: docker stack deploy takes paths, and each file must be there"
        field.refuse("B39", what, "write the path alone; leave out a file that may be missing")
        return {}
    name = field.text("B39")
    if name is None:
        return {}
    path = folder / name
    field.log.named.append(path)
    try:
        with path.open("rb") as file:
            content = file.read(_MAXIMUM_BYTES + 1)
        text = content.decode("utf-8-sig") if len(content) <= _MAXIMUM_BYTES else ""
    except (OSError, ValueError) as error:
        why = (getattr(error, "strerror", None) or "not UTF-8 text").lower()
        field.refuse("B39", f"cannot read env_file {shown(path)}: {why}")
        return {}
    if len(content) > _MAXIMUM_BYTES:
        field.refuse("B39", f"env_file {shown(path)} is larger than 1 MiB", "leave out what the service does not read")
        return {}
    found: dict[str, str | None] = {}
    for number, key, value in lines_of(text):
        if not key:
            # The line may hold a password: only its number is told.
            field.refuse("B39", f"env_file {shown(path)}, line {number}: not NAME=value", "no blanks before the =")
        elif value is not None:
            found[key] = value
        elif key in surroundings:
            found[key] = surroundings[key]
    return found


def lines_of(text: str) -> Iterator[tuple[int, str, str | None]]:
    """Yield number, name and value of each line; no value without ``=``, no name where the line is none of a pair."""
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.rstrip("\r").lstrip(_BLANKS)
        key, equals, value = line.partition("=")
        if line and not line.startswith("#"):
            yield number, "" if any(blank in key for blank in _BLANKS) else key, value if equals else None
