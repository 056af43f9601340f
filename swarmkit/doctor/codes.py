"""What each code means: the source of ``doctor --explain`` and of docs/checks.md.

Codes are those of the field's hazards as this project numbers them, stable for scripts and runbooks: B inputs, H
hazards, S the way in by SSH; D-codes are checks without such a number.
"""

from __future__ import annotations

from swarmkit.doctor.explained.encryption import ENCRYPTION
from swarmkit.doctor.explained.files import INVENTORY_FILES, STACK_FILES
from swarmkit.doctor.explained.hosts import HOSTS
from swarmkit.doctor.explained.plans import PLANS
from swarmkit.doctor.explained.ssh import SSH
from swarmkit.doctor.explained.swarm import SWARM
from swarmkit.finding import Explanation

EXPLANATIONS: dict[str, Explanation] = dict(sorted({**ENCRYPTION, **HOSTS, **SWARM, **SSH}.items()))
"""Of the doctor and of the checks that ``up`` makes of its plan beside them."""

TOLD_ELSEWHERE: dict[str, Explanation] = dict(sorted({**INVENTORY_FILES, **STACK_FILES, **PLANS}.items()))
"""Of files as they are read, and of plans: no check of a host."""

OF_PLANS = frozenset({"B26", "B45", "D13"})
"""Those of EXPLANATIONS that are a matter of what a plan would do: ``plan`` and ``up`` tell of them."""

OF_STACKS = frozenset({"H19", "H21", "H43", "H80", "H84"})
"""Those that are looked for in a stack, where one is given."""

OF_DOCTOR = tuple(code for code in EXPLANATIONS if code not in OF_PLANS)

NOT_OVERRIDABLE = frozenset({"B13", "H31", "H36", "H40", "H41", "H49", "H54"})
"""Without what these ask for there is no plan, or another cluster is at stake."""


def page_of(code: str) -> str:
    """Return the place of *code* in the documentation."""
    return f"docs/checks.md#{code.lower()}"
