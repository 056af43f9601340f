"""Whether published ports answer from where swarmkit runs."""

from __future__ import annotations

import socket
import threading

from swarmkit.declared.inventory.host import Host
from swarmkit.verify.ways.published import answers_here


def test_a_port_that_opens_a_moment_later_still_answers_from_here() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        opening = threading.Timer(0.5, listener.listen)
        opening.start()
        found = answers_here(Host(name="A", address="127.0.0.1", role="manager"), port, patience_seconds=10)
        opening.join()
    assert found.severity == "ok"


def test_a_port_that_stays_closed_is_a_warning_with_what_to_do() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        found = answers_here(
            Host(name="A", address="127.0.0.1", role="manager"), unheard.getsockname()[1], patience_seconds=0
        )
    assert (found.severity, found.code) == ("warning", "V07")
    assert "firewalls" in found.remedy
