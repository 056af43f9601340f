"""What a run says at its end when it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmkit.cli.failures import shown_failures
from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.errors import SwarmkitError
from swarmkit.finding import Finding
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Applied, Outcome, Plan, Step
from swarmkit.workflows.unfinished import IncompleteError, RefusedError

DECLARED = Declared(Inventory(Path("inventory.yaml"), "prod", (Host("A", "10.88.0.11", "manager"),)))
REFUSED = Plan((), (Finding("H54", "error", "swarm", "no manager can tell of the swarm"),))
DONE = Applied({"update": Outcome(Step("update", "service", "update", "shop_web", "update service"), "done")})


@pytest.mark.parametrize(("applied", "changed_nothing"), [((), True), ((DONE,), False)])
def test_nothing_was_changed_is_said_only_where_it_is_so(
    applied: tuple[Applied, ...], changed_nothing: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rollback that had gone through said so, as no manager told of the swarm when it looked again."""
    with pytest.raises(SystemExit) as ended, shown_failures(DECLARED):
        raise RefusedError(REFUSED, applied)
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert "no manager can tell of the swarm" in said
    assert ("nothing was changed" in said) == changed_nothing
    assert ("1 operation done" in said) != changed_nothing


@pytest.mark.parametrize(("user", "become", "sudo"), [("root", False, ""), ("ops", True, "sudo ")])
def test_what_an_error_tells_to_do_on_a_host_is_told_for_its_login(
    user: str, become: bool, sudo: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Steps that failed told it with sudo, or without, whoever logs in there."""
    host = Host("A", "10.88.0.11", "manager", user=user, become=become)
    declared = Declared(Inventory(Path("inventory.yaml"), "prod", (host,)))
    told = "see here: sudo rm -r /x; on A: sudo systemctl restart docker; then run the same again"
    failed = Outcome(DONE.outcomes["update"].step, "failed", error=SwarmkitError("it did not start", "", told))
    with pytest.raises(SystemExit), shown_failures(declared):
        raise IncompleteError(Applied({"update": failed}))
    said = " ".join(capsys.readouterr().err.split())
    assert f"on A: {sudo}systemctl restart docker; then run" in said
    assert "see here: sudo rm -r /x" in said, "that is a command of this machine"
    why = "on A: systemctl said nothing\n  to do: on A: modprobe ip_vs"
    with pytest.raises(SwarmkitError) as raised, shown_failures(declared):
        raise SwarmkitError("an engine does not start", why, "on A: systemctl restart docker")
    assert raised.value.why == f"on A: systemctl said nothing\n  to do: on A: {sudo}modprobe ip_vs"
    assert raised.value.to_do == f"on A: {sudo}systemctl restart docker"
