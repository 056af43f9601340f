"""The JSON that commands print, against the schemas in docs/schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "schema"


def assert_fits(command: str, value: Any) -> None:
    """Fail where *value* is not as the schema of *command* says, or has a field that it does not name."""
    schema = _closed(json.loads((FOLDER / f"{command}.1.json").read_text()))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(value)


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {"additionalProperties": False} if "properties" in schema and "required" in schema else {}
    return closed | {key: _closed(part) for key, part in schema.items()}
