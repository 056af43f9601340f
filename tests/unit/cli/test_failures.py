"""What a run says at its end when it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmkit.cli.failures import shown_failures
from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.finding import Finding
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Applied, Outcome, Plan, Step
from swarmkit.workflows.unfinished import RefusedError

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
