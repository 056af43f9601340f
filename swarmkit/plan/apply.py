"""Running a plan: each operation as soon as those it waits for have succeeded, side by side."""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from swarmkit.errors import SwarmkitError, brief
from swarmkit.plan.context import Context, StoppedError
from swarmkit.plan.model import Applied, Operation, Outcome, Plan, Step
from swarmkit.reach.lock import LockLostError
from swarmkit.reach.ssh import CommandTimeoutError, ConnectionLostError

OPERATIONS_AT_ONCE = 16


def apply(plan: Plan, context: Context) -> Applied:
    """Run every operation of *plan* once and return how each ended.

    After a failure, Ctrl-C or SIGTERM no further operation starts; those under way are waited for, but that an image
    is not sent any further. Nothing is retried.
    """
    waiting = {operation.step.key: operation for operation in plan.operations}
    steps = {operation.step.key: operation.step for operation in plan.operations}
    outcomes: dict[str, Outcome] = {}
    running: dict[Future[Outcome], str] = {}
    with ThreadPoolExecutor(max_workers=OPERATIONS_AT_ONCE) as pool:
        try:
            while True:
                if not context.cancelled.is_set():
                    for operation in _ready(waiting, outcomes):
                        del waiting[operation.step.key]
                        running[pool.submit(_run, operation, context)] = operation.step.key
                if not running:
                    if waiting and not context.cancelled.is_set():
                        raise ValueError(f"operations wait for each other: {', '.join(waiting)}")
                    break
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    outcome = outcomes[running.pop(future)] = future.result()
                    if outcome.status != "done":
                        context.cancelled.set()
        except BaseException:
            context.cancelled.set()
            _say_what_is_waited_for([steps[key] for key in running.values()], context)
            raise
    outcomes.update({key: Outcome(operation.step, "not started") for key, operation in waiting.items()})
    return Applied({operation.step.key: outcomes[operation.step.key] for operation in plan.operations})


def is_final(applied: Applied) -> bool:
    """Tell whether another look cannot help: something is known to have failed, or another run has the cluster."""
    return any(one.status == "failed" or isinstance(one.error, LockLostError) for one in applied.failed)


def _say_what_is_waited_for(under_way: list[Step], context: Context) -> None:
    if under_way:
        what = ", ".join(f"{step.target}: {step.summary}" for step in under_way)
        context.progress.warned("stopping", f"nothing more is begun; waiting for the end of what is under way: {what}")


def _ready(waiting: dict[str, Operation], outcomes: dict[str, Outcome]) -> list[Operation]:
    done = {key for key, outcome in outcomes.items() if outcome.status == "done"}
    return [operation for operation in waiting.values() if operation.step.after <= done]


def _run(operation: Operation, context: Context) -> Outcome:
    step, started = operation.step, time.monotonic()
    context.progress.started(step.key, step.target, step.summary)
    try:
        if step.verb != "wait":
            context.guard(step)
        note = operation.run(context)
    except (ConnectionLostError, CommandTimeoutError) as error:
        context.progress.ended(step.key, ok=False, note="connection lost, outcome unknown")
        cause = error if step.verb == "wait" else _cause(error, step, context)
        return Outcome(step, "unknown", time.monotonic() - started, error=cause)
    except StoppedError as error:
        context.progress.ended(step.key, ok=False, note=brief(error))
        return Outcome(step, "not started", time.monotonic() - started)
    except SwarmkitError as error:
        cause = error if step.verb == "wait" else _cause(error, step, context)
        context.progress.ended(step.key, ok=False, note=brief(cause))
        return Outcome(step, "failed", time.monotonic() - started, error=cause)
    except BaseException:
        context.progress.ended(step.key, ok=False, note="failed")
        raise
    context.progress.ended(step.key, ok=True, note=note)
    return Outcome(step, "done", time.monotonic() - started, note)


def _cause(error: SwarmkitError, step: Step, context: Context) -> SwarmkitError:
    """Return why *step* failed: where another run has taken the cluster over, what it did there is the reason."""
    try:
        context.guard(step)
    except LockLostError as lost:
        return lost
    except SwarmkitError:
        return error
    return error
