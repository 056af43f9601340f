from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.errors import InputError
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.progress import Silent
from swarmkit.secret import Secret
from swarmkit.workflows.secrets import Rotation, generated, rotation

HOSTS = (Host("A", "10.88.0.11", "manager"), Host("B", "10.88.0.12", "worker"))
INVENTORY = Inventory(Path("inventory.yaml"), "prod", HOSTS)
STACK = """
services:
  backend:
    image: backend:1
    secrets: [password, {source: key, target: the-key, mode: 0400}]
    depends_on: [database]
  database: {image: database:1, secrets: [password]}
  page: {image: page:1}
secrets:
  password: {file: ./password}
  key: {file: ./key}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "stack.yaml").write_text(STACK)
    for name in ("password", "key"):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text("old")
    return tmp_path


@pytest.fixture
def made(folder: Path) -> FakeFleet:
    fleet = fake_fleet(INVENTORY)
    run_once(fleet, Declared(INVENTORY, load_stack(folder / "stack.yaml", name="shop")))
    return fleet


def wanted(folder: Path, *names: str, new: dict[str, Secret] | None = None) -> Rotation:
    return rotation(INVENTORY, load_stack(folder / "stack.yaml", name="shop"), names, new or {})


def run(fleet: FakeFleet, plan: Plan) -> list[str]:
    context = Context(fleet, Silent(), "A", lambda name, _: name)
    return [outcome.status for outcome in apply(plan, context).outcomes.values()]


def secrets(fleet: FakeFleet) -> dict[str, str]:
    return {key: str(item["Spec"]["Name"]) for key, item in fleet.cluster.objects["secrets"].items()}


def used(fleet: FakeFleet) -> Iterator[tuple[str, str]]:
    """Yield each service with the name of each secret that it has, which must be there."""
    for service in fleet.cluster.objects["services"].values():
        for one in service["Spec"]["TaskTemplate"]["ContainerSpec"].get("Secrets") or ():
            assert secrets(fleet)[one["SecretID"]] == one["SecretName"]
            yield str(service["Spec"]["Name"]), one["SecretName"]


def test_the_services_go_over_to_the_new_secret_as_they_depend_on_each_other(made: FakeFleet, folder: Path) -> None:
    (folder / "password").write_text("new")
    plan, _ = wanted(folder).plan(made)
    keys = [operation.step.key.partition("-")[0] for operation in plan.operations]
    assert keys == [
        "secret:shop_password", "service:shop_database", "runs:shop_database", "service:shop_backend",
        "runs:shop_backend", "wait:shop_database", "wait:shop_backend", "remove:secret:shop_password",
    ]  # fmt: skip
    before = secrets(made)
    assert set(run(made, plan)) == {"done"}
    assert len(secrets(made)) == 2
    assert len(before.keys() & secrets(made).keys()) == 1
    assert {service for service, name in used(made) if name not in before.values()} == {"shop_backend", "shop_database"}
    assert wanted(folder).plan(made)[0].is_empty


def test_a_job_with_the_secret_runs_again_and_is_waited_for_until_it_has_completed(folder: Path) -> None:
    jobs = STACK.replace("{image: database:1,", "{image: database:1, deploy: {mode: replicated-job},")
    (folder / "stack.yaml").write_text(jobs)
    fleet = fake_fleet(INVENTORY)
    run_once(fleet, Declared(INVENTORY, load_stack(folder / "stack.yaml", name="shop")))
    (folder / "password").write_text("new")
    steps = {operation.step.key: operation.step for operation in wanted(folder).plan(fleet)[0].operations}
    assert steps["service:shop_database"].reason == "the job runs again"
    assert steps["service:shop_backend"].reason == ""
    assert "runs:shop_database" not in steps
    assert steps["wait:shop_database"].summary == "wait until it has completed"


@pytest.mark.parametrize("count", range(9))
def test_a_rotation_that_was_interrupted_leaves_valid_secrets_and_goes_on(
    made: FakeFleet, folder: Path, count: int
) -> None:
    new = generated(["password"])
    plan, _ = wanted(folder, "password", new=new).plan(made)
    assert len(plan.operations) == 9
    run(made, Plan(plan.operations[:count]))
    assert len(list(used(made))) == 3
    if count == 0:
        assert (folder / "password").read_text() == "old"
        return
    assert (folder / "password").read_bytes() == new["password"].reveal()
    assert (folder / "password").stat().st_mode & 0o777 == 0o600
    again, _ = wanted(folder).plan(made)
    assert set(run(made, again)) <= {"done"}
    assert len(list(used(made))) == 3
    assert len(secrets(made)) == 2


def test_an_orphan_of_a_rotation_that_was_given_up_goes_with_the_next(made: FakeFleet, folder: Path) -> None:
    (folder / "password").write_text("given up")
    plan, _ = wanted(folder).plan(made)
    run(made, Plan(plan.operations[:1]))
    (folder / "password").write_text("old")
    assert len(secrets(made)) == 3
    again, _ = wanted(folder).plan(made)
    assert [operation.step.verb for operation in again.operations] == ["wait", "wait", "remove"]
    assert set(run(made, again)) == {"done"}


def test_only_the_named_secret_is_rotated(made: FakeFleet, folder: Path) -> None:
    for name in ("password", "key"):
        (folder / name).write_text("new")
    plan, _ = wanted(folder, "key").plan(made)
    assert {operation.step.target for operation in plan.operations if operation.step.subject == "service"} == {
        "shop_backend"
    }


def test_new_content_shows_nowhere(made: FakeFleet, folder: Path) -> None:
    plan, _ = wanted(folder, "key", new={"key": Secret(b"canary-value")}).plan(made)
    assert "canary-value" not in repr(plan)


def test_what_cannot_be_rotated_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no secret nothing"):
        wanted(folder, "nothing")
    (folder / "stack.yaml").write_text(STACK.replace("{file: ./key}", "{environment: THE_KEY}"))
    monkeypatch.setenv("THE_KEY", "x")
    with pytest.raises(InputError, match="not kept in a file"):
        wanted(folder, "key", new=generated(["key"]))
