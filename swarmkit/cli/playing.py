"""One run of a playbook: each step shown, asked for, run, and noted."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from swarmkit.cli import options
from swarmkit.cli.playbook_files import completed
from swarmkit.errors import InputError, SwarmkitError, TerminatedError

if TYPE_CHECKING:
    from swarmkit.declared.inventory.host import Inventory
    from swarmkit.declared.playbooks.model import Playbook, PlayStep
    from swarmkit.plan.model import Step


@dataclass
class Play:
    """A playbook and all that its steps are run with; counts what became of them."""

    name: str
    playbook: Playbook
    inventory: Inventory
    given: dict[str, list[str]]
    """Options of the play, by parameter name, for the commands that have them."""
    again: list[str]
    """The words that begin this play again."""
    yes: bool
    stepwise: bool
    done: int = 0
    skipped: int = 0
    since: float = field(default_factory=time.monotonic)
    _skipped_why: str = ""
    """Why the present step is skipped; empty when it is not."""

    def steps_from(self, first: str | None) -> tuple[PlayStep, ...]:
        steps, names = self.playbook.steps, [step.name for step in self.playbook.steps]
        if first is None:
            return steps
        if first not in names:
            raise InputError(f"the playbook has no step {first!r}", to_do=f"its steps are: {', '.join(names)}")
        return steps[names.index(first) :]

    def show(self, steps: Sequence[PlayStep]) -> None:
        """Show what would be done, with the conditions as they are now."""
        from swarmkit.report.console import results
        from swarmkit.report.play import print_conditions, print_playbook, print_step
        from swarmkit.workflows.situation import look, unmet

        print_playbook(results(), self.name, self.playbook, self.inventory.cluster)
        situation = look(self.inventory, sudo_password=options.sudo_password(ask=False), on_waiting=options.told)
        for step in steps:
            print_step(results(), self._number(step), len(self.playbook.steps), step, self._words(step))
            print_conditions(results(), step, unmet(situation, step.when))

    def play(self, steps: Sequence[PlayStep]) -> int:
        """Run *steps* and return the exit code: 0, or that of the step that stopped the play."""
        from swarmkit.cli.journaled import journaled
        from swarmkit.report.console import messages, results
        from swarmkit.report.play import print_done, print_playbook, print_stopped

        print_playbook(results(), self.name, self.playbook, self.inventory.cluster)
        with journaled(f"play {self.name}", self.inventory) as journal:
            journal.begin_steps([self._journal_step(step) for step in steps])
            for step in steps:
                journal.note("started", key=step.name, target=step.name, summary=self._text(step))
                self._skipped_why = ""
                code = self._outcome(step)
                skipped = f"skipped: {self._skipped_why}" if self._skipped_why else ""
                journal.note("ended", key=step.name, ok=code == 0, note=skipped)
                if code:
                    print_stopped(messages(), step, code, self.done, self._again_from(step))
                    sys.exit(code)
            print_done(results(), self.done, self.skipped, time.monotonic() - self.since)
        return 0

    def _outcome(self, step: PlayStep) -> int:
        """Run one step; whatever stops it becomes its exit code, so that the way to go on is told."""
        try:
            return self._run(step)
        except (click.exceptions.Abort, KeyboardInterrupt) as error:
            return 143 if isinstance(error, TerminatedError) else 130
        except SwarmkitError as error:
            from swarmkit.report.errors import print_error

            print_error(error, sys.stderr)
            return error.exit_code

    def _run(self, step: PlayStep) -> int:
        from swarmkit.cli.main import run
        from swarmkit.report.console import results
        from swarmkit.report.play import print_conditions, print_step
        from swarmkit.workflows.situation import look, unmet, wait_for

        words, password = self._words(step), options.sudo_password(ask=False)
        print_step(results(), self._number(step), len(self.playbook.steps), step, words)
        if step.when:
            missing = unmet(look(self.inventory, sudo_password=password, on_waiting=options.told), step.when)
            print_conditions(results(), step, missing)
            if missing:
                return self._skip(f"not so: {', '.join(map(str, missing))}")
        if self.stepwise and (answer := _asked(step)) != "run":
            return self._skip("as you said") if answer == "skip" else 1
        if step.confirm and not options.confirmed(step.confirm, yes=self.yes):
            return 1
        if step.wait_for:
            wait_for(
                self.inventory,
                step.wait_for,
                timeout_seconds=step.timeout_seconds,
                sudo_password=password,
                on_waiting=options.told,
            )
        sys.stdout.flush()
        code = run(words) if words else 0
        if words and code not in step.exit_codes:
            return code or 1
        self.done += 1
        return 0

    def _skip(self, why: str) -> int:
        from swarmkit.report.console import results
        from swarmkit.report.play import print_skipped

        print_skipped(results(), why)
        self._skipped_why = why
        self.skipped += 1
        return 0

    def _again_from(self, step: PlayStep) -> list[str]:
        flags = {"--yes": self.yes, "--step": self.stepwise}
        return [*self.again, *(flag for flag, is_given in flags.items() if is_given), "--from", step.name]

    def _words(self, step: PlayStep) -> list[str]:
        if not step.command:
            return []
        # A host's key is trusted by a person who compared it, whatever else is agreed to beforehand.
        given = {key: value for key, value in self.given.items() if key != "yes" or step.command[0] != "trust"}
        return completed(step.command, given)

    def _number(self, step: PlayStep) -> int:
        return self.playbook.steps.index(step) + 1

    def _text(self, step: PlayStep) -> str:
        from swarmkit.report.play import doing

        return doing(step, self._words(step)) or step.confirm or step.note

    def _journal_step(self, step: PlayStep) -> Step:
        from swarmkit.plan.model import Step

        return Step(step.name, "swarm", "update", step.name, self._text(step))


def _asked(step: PlayStep) -> str:
    if not sys.stdin.isatty():
        raise InputError("--step asks before each step, and there is no terminal to ask on")
    answer: str = click.prompt(f"{step.name}: run, skip or stop?", type=click.Choice(("run", "skip", "stop")), err=True)
    return answer
