"""Fields of specs as a plan shows them: what may be a secret is ``[redacted]``, by the name it has or stands behind."""

from __future__ import annotations

import json
import re
from typing import Any

from swarmkit.secret import REDACTED, mask

_NAME = (
    r"(?:(?:[\w-]*(?:password|passwd|passphrase|pwd|secret|token|credential|requirepass|masterauth)|"
    r"(?:[\w-]*[_-])?(?:pass|(?:api|access|private|auth)[_-]?key))\w*)"
)
_SECRET_NAME = re.compile(
    rf"(?:^|[_.\-])(?:{_NAME}|key|auth|dsn)(?:[_.\-]?(?:\d|id|data|string|users|base))*$|"
    r"conn(?:ection)?[_-]?str(?:ing)?|basicauth\.users",
    re.IGNORECASE,
)
# What a name says of itself stands at its end; longer ones would take their time.
_LONG_NAME = 200
# DBPASS, SENDGRIDAPIKEY, deployPrivateKey: in one word with what it is of. It hides a COMPASS too.
_LIKE_ONE = re.compile(r"pass(?:word|wd|phrase)?$|pwd$|secret|token|api_?key|private_?key|credential", re.IGNORECASE)
_NAMES_A_FILE = re.compile(r"_(?:file|path)$", re.IGNORECASE)
# "Server=db;Password=x", "username=u,password=x" of a CIFS mount, --requirepass=x
_ASSIGNED = re.compile(rf"((?<![\w-]){_NAME}[\"']?\s*[=:]\s*[\"']?)(?!//)[^\s;,&\"']+", re.IGNORECASE)
# "--requirepass x", "--password 'x'" in one string
_BEHIND_OPTION = re.compile(rf"((?:^|\s)--?{_NAME}\s+)(?!-)\S+", re.IGNORECASE)
_OPTION = re.compile(rf"--?{_NAME}", re.IGNORECASE)
# "root:x@tcp(db:3306)/shop"; an image's tag stands before @sha256:
_DATA_SOURCE = re.compile(r"((?:^|[\s=\"'])[\w.-]+:)[^\s/:@]+(?=@(?!sha256:))")
_MYSQL = re.compile(r"mysql|mariadb", re.IGNORECASE)
_MYSQL_PASSWORD = re.compile(r"((?:^|\s)-p)[^\s\"']+")


def shown_value(path: str, value: Any) -> str:
    """Return the *value* of the field *path* for people; it ends in the name of a variable, label, option.

    Lists are shown as JSON. Never shown: what stands in a field, or behind an option or a name, that is called like a
    secret; the passwords of URLs and data sources; swarm tokens and PEM blocks.
    """
    if is_secret_name(_own_name(path)):
        return REDACTED
    if isinstance(value, list):
        return json.dumps(_masked_list(value), sort_keys=True)
    return _masked(value) if isinstance(value, str) and value else _masked(json.dumps(value, sort_keys=True))


def is_secret_name(name: str) -> bool:
    """Tell whether a variable, label or option *name* is one that holds a secret, and not only says where one is."""
    end = name[-_LONG_NAME:]
    return bool(_SECRET_NAME.search(end) or _LIKE_ONE.search(end)) and not _NAMES_A_FILE.search(end)


def _own_name(path: str) -> str:
    """Return the part of *path* that the operator has named; a field of Docker's own, as SecretName, is none."""
    for holder in (".Env.", "Labels.", "Options.", "Sysctls."):
        _, found, name = path.partition(holder)
        if found:
            return name
    return ""


def _masked_list(items: list[Any]) -> list[Any]:
    said = " ".join(item for item in items if isinstance(item, str))
    shown: list[Any] = []
    for before, item in zip([None, *items], items, strict=False):
        if not isinstance(item, str):
            shown.append(_masked_item(item, ""))
        elif isinstance(before, str) and _OPTION.fullmatch(before) and not item.startswith("-"):
            shown.append(REDACTED)
        else:
            shown.append(_masked(item, mysql=bool(_MYSQL.search(said))))
    return shown


def _masked_item(item: Any, path: str) -> Any:
    if isinstance(item, dict):
        return {key: _masked_item(value, f"{path}.{key}") for key, value in item.items()}
    if isinstance(item, list):
        return _masked_list(item)
    if not isinstance(item, str):
        return item
    return REDACTED if is_secret_name(_own_name(path)) else _masked(item)


def _masked(text: str, *, mysql: bool = False) -> str:
    text = _ASSIGNED.sub(rf"\1{REDACTED}", mask(text))
    text = _DATA_SOURCE.sub(rf"\1{REDACTED}", _BEHIND_OPTION.sub(rf"\1{REDACTED}", text))
    return _MYSQL_PASSWORD.sub(rf"\1{REDACTED}", text) if mysql or _MYSQL.search(text) else text
