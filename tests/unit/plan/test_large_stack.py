"""A stack file with 200 services: one call of the engine an object. Its seconds are measured by benchmarks/."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from fakes.running import plan_on, run_once
from fakes.swarm import FakeEngine, FakeFleet

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.plan.declaration import Declared

SERVICES = 200


def write_stack(folder: Path) -> Path:
    one = (
        "  s{n}:\n    image: registry.example/app:{n}\n    command: [serve, --port, '80']\n"
        "    environment: {{A: '{n}', B: text}}\n    networks: [n{group}]\n    secrets: [secret]\n"
        "    deploy: {{replicas: 2, labels: [a=b], resources: {{limits: {{memory: 64M}}}}}}\n"
    )
    services = "".join(one.format(n=n, group=n % 10) for n in range(SERVICES))
    networks = "".join(f"  n{n}:\n" for n in range(10))
    (folder / "secret").write_text("x")
    path = folder / "stack.yaml"
    path.write_text(f"services:\n{services}networks:\n{networks}secrets: {{secret: {{file: secret}}}}\n")
    return path


def test_two_hundred_services_are_made_by_one_call_each(
    tmp_path: Path, fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory = Inventory(Path("i.yaml"), "big", tuple(reached.host for reached in fleet.values()))
    run_once(fleet, Declared(inventory))
    declared = Declared(inventory, load_stack(write_stack(tmp_path), name="big", environment={}))
    plan = plan_on(fleet, declared)
    assert len(plan.writes) == SERVICES + 10 + 1 + 1
    calls: Counter[str] = Counter()

    def count(name: str) -> None:
        method = getattr(FakeEngine, name)

        def counted(engine: FakeEngine, kind: str, *rest: Any, **options: Any) -> Any:
            calls[f"{name} {kind}"] += 1
            return method(engine, kind, *rest, **options)

        monkeypatch.setattr(FakeEngine, name, counted)

    for name in ("find", "inspect", "create", "update", "remove"):
        count(name)
    run_once(fleet, declared)
    made = {"create services": SERVICES, "create networks": 10, "create secrets": 1, "create configs": 1}
    assert {name: number for name, number in calls.items() if name.startswith("create")} == made
    assert sum(calls.values()) - sum(made.values()) <= 20
    assert plan_on(fleet, declared).is_empty
