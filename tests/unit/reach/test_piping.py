"""A stream over SSH: only what the command itself prints is passed on."""

from __future__ import annotations

import paramiko
import pytest

from swarmkit.reach.piping import AfterSentinel


def test_what_a_login_shell_prints_before_the_command_is_dropped() -> None:
    passed: list[bytes] = []
    begun = AfterSentinel(b"--begin--\n", passed.append)
    for piece in (b"Welcome!\n--be", b"gin--\nfirst ", b"second"):
        begun(piece)
    assert (begun.found, b"".join(passed)) == (True, b"first second")


def test_a_login_shell_that_prints_for_ever_is_left() -> None:
    begun = AfterSentinel(b"--begin--\n", lambda _: None)
    with pytest.raises(paramiko.SSHException, match="prints without end"):
        begun(b"x" * 100_000)
