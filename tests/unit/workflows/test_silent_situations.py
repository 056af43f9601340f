"""What a playbook goes by where no host answers: silence is a fact, and what is wrong with a login is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.errors import SwarmkitError, UnreachableError
from swarmkit.reach.fleet import NoneReachedError
from swarmkit.reach.ssh import CommandTimeoutError
from swarmkit.workflows import situation

NO_ROOT = SwarmkitError("A: cannot run commands as root", "sudo: 1 incorrect password attempt")
GONE = UnreachableError("A: no route to host")
HANGS = CommandTimeoutError("A: docker did not end in 30 s")


def inventory(names: str) -> Inventory:
    hosts = tuple(Host(name, f"192.0.2.{number}", "manager") for number, name in enumerate(names, 1))
    return Inventory(Path("i.yaml"), "c", hosts)


def none_reached(monkeypatch: pytest.MonkeyPatch, failures: Mapping[str, SwarmkitError]) -> None:
    @contextmanager
    def reach_some(*_: object, **__: object) -> Iterator[None]:
        raise NoneReachedError(failures)
        yield

    monkeypatch.setattr(situation, "reach_some", reach_some)


@pytest.mark.parametrize("failures", [{"A": NO_ROOT}, {"A": NO_ROOT, "B": GONE}], ids=["alone", "beside-another"])
def test_a_sudo_that_does_not_make_root_is_no_silent_host(
    failures: dict[str, SwarmkitError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The play went on as where the host is gone: by what a recovery does then."""
    none_reached(monkeypatch, failures)
    with pytest.raises(NoneReachedError) as caught:
        situation.look(inventory("".join(failures)))
    assert "cannot run commands as root" in str(caught.value)


def test_hosts_that_do_not_answer_are_a_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    none_reached(monkeypatch, {"A": GONE, "B": HANGS})
    seen = situation.look(inventory("AB"))
    assert (seen.observed.hosts, seen.silent) == ({}, {"A": GONE.what, "B": HANGS.what})
