import io

import pytest
from rich.console import Console

from swarmkit.errors import Complaint, InputError, SwarmkitError, UnreachableError
from swarmkit.plan.model import Applied, Outcome, OutcomeStatus, Step
from swarmkit.reach.ssh import ConnectionLostError
from swarmkit.report.errors import print_bug, print_error
from swarmkit.report.outcome import print_outcome


def outcome(target: str, status: OutcomeStatus, error: Exception | None = None, note: str = "") -> Outcome:
    return Outcome(Step(target, "node", "create", target, "join as worker"), status, 1.2, note, error)


def outcome_lines(*outcomes: Outcome) -> list[str]:
    stream = io.StringIO()
    print_outcome(Console(file=stream, width=100), Applied({one.step.key: one for one in outcomes}))
    return stream.getvalue().splitlines()


def error_lines(error: SwarmkitError) -> list[str]:
    stream = io.StringIO()
    print_error(error, stream)
    return stream.getvalue().splitlines()


def test_failure_says_what_is_done_what_failed_what_is_unknown_and_what_was_not_started() -> None:
    assert outcome_lines(
        outcome("A", "done", note="joined as worker"),
        outcome("B", "failed", SwarmkitError("B: joining failed", "no answer from 10.88.0.1:2377", "open TCP 2377")),
        outcome("C", "unknown", SwarmkitError("C: connection lost")),
        outcome("D", "not started"),
    ) == [
        "done (1):",
        "  ✔ A: joined as worker  1.2 s",
        "failed:",
        "  ✘ B: join as worker  1.2 s",
        "      B: joining failed",
        "      no answer from 10.88.0.1:2377",
        "      to do: open TCP 2377",
        "unknown, it may have been done or not:",
        "  ? C: join as worker  1.2 s",
        "      C: connection lost",
        "not started (1):",
        "  · D: join as worker",
        "",
        "to do: once the cause is removed, run the same command again: it does what is left",
    ]


def test_success_is_one_line() -> None:
    assert outcome_lines(outcome("A", "done"), outcome("B", "done")) == ["2 operations done"]


def test_interrupted_run_says_what_was_not_started() -> None:
    assert "not started (1):" in outcome_lines(outcome("A", "done"), outcome("B", "not started"))


def test_an_outcome_masks_tokens_in_its_error() -> None:
    shown = "\n".join(outcome_lines(outcome("B", "failed", SwarmkitError("SWMTKN-1-abc-def was refused"))))
    assert "[redacted] was refused" in shown
    assert "SWMTKN" not in shown


def test_error_has_a_line_for_what_why_and_what_to_do() -> None:
    error = UnreachableError("B: no trusted host key", "known_hosts has no entry", "run: swarmkit trust B")
    assert error_lines(error) == [
        "error: B: no trusted host key",
        "  known_hosts has no entry",
        "  to do: run: swarmkit trust B",
    ]


def test_an_error_without_advice_of_its_own_says_to_run_again_and_bad_input_does_not() -> None:
    lost = ConnectionLostError("B: connection lost", "reset by peer")
    assert error_lines(lost) == [
        "error: B: connection lost",
        "  reset by peer",
        "  to do: once the cause is removed, run the same command again",
    ]
    assert error_lines(InputError("no folder b")) == ["error: no folder b"]


def test_all_complaints_of_an_input_are_listed() -> None:
    error = InputError("unfit", [Complaint("f.yaml", n, 1, "B01", "a.b", f"wrong {n}") for n in (2, 1)], "see B01")
    assert error_lines(error) == [
        "error: unfit",
        "  B01 f.yaml:1:1 a.b - wrong 1",
        "  B01 f.yaml:2:1 a.b - wrong 2",
        "  to do: see B01",
    ]


def test_lines_of_a_log_are_not_wrapped() -> None:
    assert error_lines(SwarmkitError("word " * 60))[0].count("word") == 60


def test_secrets_show_in_no_error() -> None:
    assert "abc-def" not in "".join(error_lines(SwarmkitError("x", "token SWMTKN-1-abc-def")))


def test_bug_is_one_line_with_type_and_message() -> None:
    stream = io.StringIO()
    print_bug(ValueError("odd\nthing"), stream)
    assert stream.getvalue() == ("error: ValueError: odd thing (this is a bug; run again with: swarmkit --debug ...)\n")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "is_red"), [("", True), ("1", False)])
def test_error_is_red_only_on_a_terminal_with_colours(
    no_color: str, is_red: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_color)
    stream = Terminal()
    print_error(SwarmkitError("x"), stream)
    assert ("31m" in stream.getvalue()) is is_red
