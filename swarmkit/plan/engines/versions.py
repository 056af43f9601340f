"""The numbers of engine versions, and what some of them do otherwise; pure."""

from __future__ import annotations


def version_tuple(version: str) -> tuple[int, ...]:
    """Return the numbers of an engine version: ``26.1.5+dfsg1`` is (26, 1, 5)."""
    numbers = version.split("+")[0].split("-")[0].split(".")
    return tuple(int(number) for number in numbers if number.isdigit())


def numbers_otherwise(version: tuple[int, ...]) -> bool:
    """Tell whether an engine of *version* numbers ESP states by addresses of 4 bytes instead of 16.

    moby#50551 took that to the branch of 25.0 after 25.0.13, moby#51963 took it out after 25.0.14.
    """
    return (29,) <= version < (29, 2, 1) or (25, 0, 14) <= version < (25, 0, 15)
