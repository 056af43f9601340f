import signal
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from fakes.swarm import FakeFleet

from swarmkit.declared.stack.image_archive import ImageArchive
from swarmkit.errors import SwarmkitError
from swarmkit.plan.apply import apply, is_final
from swarmkit.plan.context import Context
from swarmkit.plan.model import Plan, Step
from swarmkit.plan.progress import Silent
from swarmkit.plan.stacks.operations import SendImage
from swarmkit.reach.lock import LockLostError
from swarmkit.reach.ssh import CommandTimeoutError, ConnectionLostError


@dataclass(frozen=True)
class Act:
    key: str
    after: tuple[str, ...] = ()
    do: Callable[[Context], str] = field(default=lambda _: "")

    @property
    def step(self) -> Step:
        return Step(self.key, "service", "create", self.key, "act", after=frozenset(self.after))

    def run(self, context: Context) -> str:
        return self.do(context)


def run(fleet: FakeFleet, *acts: Act) -> dict[str, str]:
    applied = apply(Plan(acts), Context(fleet, Silent(), "A"))
    return {key: outcome.status for key, outcome in applied.outcomes.items()}


def fails(error: Exception) -> Callable[[Context], str]:
    def do(_: Context) -> str:
        raise error

    return do


def test_operations_run_side_by_side_but_after_those_they_wait_for(fleet: FakeFleet) -> None:
    order: list[str] = []
    meeting = threading.Barrier(2, timeout=5)

    def meet(key: str) -> Callable[[Context], str]:
        def do(_: Context) -> str:
            meeting.wait()
            order.append(key)
            return ""

        return do

    def note(_: Context) -> str:
        order.append("last")
        return ""

    statuses = run(fleet, Act("last", ("one", "two"), note), Act("one", (), meet("one")), Act("two", (), meet("two")))
    assert set(statuses.values()) == {"done"}
    assert order[-1] == "last"


def test_after_a_failure_nothing_new_starts_and_what_did_not_start_is_said(fleet: FakeFleet) -> None:
    started: list[str] = []

    def note(_: Context) -> str:
        started.append("x")
        return ""

    statuses = run(
        fleet, Act("bad", (), fails(SwarmkitError("no"))), Act("next", ("bad",), note), Act("then", ("next",), note)
    )
    assert statuses == {"bad": "failed", "next": "not started", "then": "not started"}
    assert started == []


def test_what_is_under_way_when_another_fails_is_waited_for(fleet: FakeFleet) -> None:
    failed = threading.Event()

    def slow(context: Context) -> str:
        failed.wait(5)
        assert context.cancelled.wait(5)
        return "ended"

    def fail(_: Context) -> str:
        failed.set()
        raise SwarmkitError("no")

    assert run(fleet, Act("slow", (), slow), Act("bad", (), fail)) == {"slow": "done", "bad": "failed"}


@pytest.mark.parametrize("error", [ConnectionLostError("gone"), CommandTimeoutError("late")])
def test_a_broken_link_leaves_the_outcome_unknown(fleet: FakeFleet, error: Exception) -> None:
    assert run(fleet, Act("x", (), fails(error)), Act("y", ("x",))) == {"x": "unknown", "y": "not started"}


@pytest.mark.parametrize("lost", [False, True])
def test_a_broken_link_is_no_reason_to_look_again_where_another_run_has_taken_the_cluster(
    fleet: FakeFleet, lost: bool
) -> None:
    def guard(_: Step) -> None:
        if lost and asked:
            raise LockLostError("another run has taken the cluster over")
        asked.append("")

    asked: list[str] = []
    applied = apply(
        Plan((Act("x", (), fails(ConnectionLostError("gone"))),)), Context(fleet, Silent(), "A", guard=guard)
    )
    (outcome,) = applied.outcomes.values()
    assert outcome.status == "unknown"
    assert is_final(applied) is isinstance(outcome.error, LockLostError) is lost


def test_a_cancelled_run_starts_nothing(fleet: FakeFleet) -> None:
    context = Context(fleet, Silent(), "A")
    context.cancelled.set()
    assert [one.status for one in apply(Plan((Act("x"),)), context).outcomes.values()] == ["not started"]


def test_a_bug_in_an_operation_is_raised_as_it_is(fleet: FakeFleet) -> None:
    with pytest.raises(ZeroDivisionError):
        run(fleet, Act("x", (), fails(ZeroDivisionError())))


class SlowLink:
    """An engine to which an image of fifty pieces is on its way; ends where the archive does."""

    def __init__(self) -> None:
        self.begun, self.pieces = threading.Event(), 0

    def find(self, kind: str) -> list[Any]:
        return [kind][1:]

    def load_image(self, archive: Iterable[bytes], timeout_seconds: float) -> str:
        del timeout_seconds
        for _ in archive:
            self.pieces += 1
            if self.pieces == 3:
                self.begun.set()
            time.sleep(0.1)
        return "loaded"


def sending(fleet: FakeFleet, tmp_path: Path) -> tuple[SlowLink, SendImage, Context, list[tuple[str, str]]]:
    """Return the link to A, what sends an image over it, a run, and what the run warns of."""
    warned: list[tuple[str, str]] = []

    class Told(Silent):
        def warned(self, key: str, text: str) -> None:
            warned.append((key, text))

    blob = tmp_path / "image.tar"
    blob.write_bytes(bytes(50 * 256 * 1024))
    archive = ImageArchive(blob, "sha256:1", ("shop/db:1",), blob.stat().st_size)
    link = SlowLink()
    hosts: dict[str, Any] = dict(fleet) | {"A": replace(fleet["A"], engine=cast("Any", link))}
    operation = SendImage(Step("image", "image", "create", "A", "send image shop/db:1"), "A", archive)
    return link, operation, Context(hosts, Told(), "B"), warned


def test_an_image_is_not_sent_any_further_when_another_host_fails_and_is_still_to_do(
    fleet: FakeFleet, tmp_path: Path
) -> None:
    link, send, context, _ = sending(fleet, tmp_path)

    def fail(_: Context) -> str:
        link.begun.wait(5)
        raise ConnectionLostError("gone")

    applied = apply(Plan((send, Act("bad", (), fail))), context)
    assert {key: one.status for key, one in applied.outcomes.items()} == {"image": "not started", "bad": "unknown"}
    assert not is_final(applied)
    assert link.pieces < 50


def test_ctrl_c_ends_the_sending_of_an_image_and_says_what_is_waited_for(fleet: FakeFleet, tmp_path: Path) -> None:
    link, send, context, warned = sending(fleet, tmp_path)

    main = threading.get_ident()

    def interrupt() -> None:
        link.begun.wait(5)
        signal.pthread_kill(main, signal.SIGINT)

    # A test worker ignores Ctrl-C, which is for who started it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            apply(Plan((send,)), context)
    finally:
        signal.signal(signal.SIGINT, before)
    assert link.pieces < 50
    ((key, text),) = warned
    assert key == "stopping"
    assert text.endswith("waiting for the end of what is under way: A: send image shop/db:1")


def test_outcomes_stand_in_the_order_of_the_plan(fleet: FakeFleet) -> None:
    assert list(run(fleet, Act("c", ("a",)), Act("a"), Act("b"))) == ["c", "a", "b"]


def test_nothing_is_written_once_the_run_may_not_write_any_more(fleet: FakeFleet) -> None:
    done: list[str] = []

    def act(context: Context) -> str:
        del context
        done.append("x")
        return ""

    def guard(step: Step) -> None:
        if step.key == "second":
            raise SwarmkitError("lost")

    context = Context(fleet, Silent(), "A", guard=guard)
    applied = apply(Plan((Act("first", (), act), Act("second", ("first",), act))), context)
    assert [outcome.status for outcome in applied.outcomes.values()] == ["done", "failed"]
    assert done == ["x"]
