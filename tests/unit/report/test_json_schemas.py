"""What programs read is as docs/schema says; the lab's tests ask the same of what real hosts say."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from json_schemas import FOLDER, assert_fits
from made_proofs import hostile_proof
from unit.report.test_plan_shown import INIT, JOIN_B, LABEL_A, plan
from unit.report.test_status_shown import INVENTORY, OBSERVED, STACK

from swarmkit.doctor.model import Diagnosis, Way
from swarmkit.finding import Finding
from swarmkit.proof import Proof
from swarmkit.report.doctor import diagnosis_as_json
from swarmkit.report.findings import proof_as_json
from swarmkit.report.plan_json import plan_as_json
from swarmkit.report.status import status_as_json

REFUSAL = Finding("H49", "error", "A", "in another swarm", "its ID", "swarmkit down")
WAYS = (Way("A", "B", "tcp/2377", passes=True), Way("B", "A", "proto 50", passes=False, said="nothing came"))
SAID: dict[str, Any] = {
    "verify": proof_as_json(hostile_proof()),
    "doctor": diagnosis_as_json(Diagnosis((REFUSAL,), WAYS, ("A", "B"), ("H06", "H49"), ("C",))),
    "plan": plan_as_json(plan(INIT, JOIN_B, LABEL_A, warnings=(REFUSAL,))),
    "status": status_as_json(INVENTORY, OBSERVED, STACK),
}


@pytest.mark.parametrize("command", SAID)
def test_what_a_command_says_fits_its_schema(command: str) -> None:
    value = json.loads(json.dumps(SAID[command]))
    assert_fits(command, value)
    with pytest.raises(jsonschema.ValidationError, match="new_field"):
        assert_fits(command, {**value, "new_field": 1})
    with pytest.raises(jsonschema.ValidationError, match="swarmkit"):
        assert_fits(command, {**value, "schema": f"swarmkit.{command}/2"})


def test_each_schema_is_of_a_command_and_numbered() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(f"{command}.1.json" for command in SAID)


def test_a_proof_of_nothing_fits_too() -> None:
    assert_fits("verify", proof_as_json(Proof((Finding("V00", "error", "shop", "no manager tells"),))))
