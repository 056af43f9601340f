"""Parameters in a playbook's words: ``${host}``; a word is never split, whatever a value holds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from swarmkit.declared.documents.complaints import did_you_mean, shown
from swarmkit.declared.documents.field import Field

_PARAMETER = re.compile(r"\$\{([^}]*)\}")


def fill(words: Sequence[str], values: Mapping[str, Sequence[str]], field: Field) -> tuple[str, ...]:
    """Return *words* with parameters filled in; a word is repeated for each value, and left out when there is none."""
    found: list[str] = []
    for word in words:
        names = _names(word, values, field)
        if not names:
            found.append(word)
        elif len(names) == 1:
            found += [_PARAMETER.sub(lambda _, value=value: value, word) for value in values[names[0]]]  # type: ignore[misc]
        else:
            found.append(fill_text(word, values, field))
    return tuple(found)


def fill_text(text: str, values: Mapping[str, Sequence[str]], field: Field) -> str:
    """Return *text* with parameters filled in; several values of one stand side by side."""
    _names(text, values, field)
    return _PARAMETER.sub(lambda match: ", ".join(values.get(match[1], ())), text)


def _names(text: str, values: Mapping[str, Sequence[str]], field: Field) -> list[str]:
    names = list(dict.fromkeys(_PARAMETER.findall(text)))
    for name in names:
        if name not in values:
            known = ", ".join(values) or "none"
            field.refuse("B05", f"no parameter {shown(name)}", did_you_mean(name, values) or f"there are: {known}")
    return [name for name in names if name in values]
