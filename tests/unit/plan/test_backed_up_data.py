"""Data of volumes: which a backup takes, and that it is back before anybody uses it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.running import plan_on, run_once
from fakes.swarm import FakeFleet, write_archive

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.image_archive import read_image_archives
from swarmkit.declared.stack.reading import load_stack
from swarmkit.observed.observe import observe
from swarmkit.plan.data.planning import DeclaredData
from swarmkit.plan.data.putting import VolumeData
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.stacks.record import ENDED_LABEL, read_records
from swarmkit.plan.states.backup_plans import Taking, backup_plan
from swarmkit.reach.ssh import CommandResult

TAKING = Taking(lambda _: nullcontext(lambda _: None), lambda _: None, lambda _: None)
STACK = """
services:
  web: {image: 'web:1', depends_on: [store]}
  store:
    image: 'store:1'
    volumes: ['data:/data']
    deploy: {placement: {constraints: [node.labels.role == database]}}
volumes:
  data: {x-swarmkit: {backup: HOW}}
"""
SECRETS = "secrets: {pw: {file: ./pw}}\n"
DATA = VolumeData(
    name="s_data",
    service="s_store",
    restore=("psql",),
    dependents=("s_web",),
    driver="local",
    options={},
    labels={},
    backup="c1@then",
    taken_at="then",
    size_bytes=4,
    sha256="0" * 64,
    stream=lambda: iter((b"rows",)),
)
Make = Callable[..., Declared]


@pytest.fixture
def declared(fleet: FakeFleet, tmp_path: Path) -> Make:
    def make(
        how: str = "{dump: [pg_dump], restore: [psql]}", data: DeclaredData | None = None, more: str = ""
    ) -> Declared:
        path = tmp_path / "stack.yaml"
        text = STACK.replace("HOW", how) + more
        path.write_text(text.replace("[store]}", "[store], secrets: [pw]}") if more else text)
        hosts = tuple(reached.host for reached in fleet.values())
        inventory = Inventory(Path("inventory.yaml"), "prod", hosts, address_pools=("10.20.0.0/16",))
        return Declared(inventory, load_stack(path, name="s", environment={}), data=data)

    return make


def after(plan: Plan) -> dict[str, set[str]]:
    assert not plan.refusals, plan.refusals
    return {operation.step.key: set(operation.step.after) for operation in plan.operations}


def ended(fleet: FakeFleet) -> None:
    """Note that every change of the stack has come to its end, as a run does after its wait."""
    engine = fleet.engine("A")
    for config in engine.find("configs"):
        labels = {**config["Spec"]["Labels"], ENDED_LABEL: "then"}
        spec = {"Name": config["Spec"]["Name"], "Labels": labels}
        engine.update("configs", config["ID"], config["Version"]["Index"], spec)


def backed_up(fleet: FakeFleet, declared: Declared) -> Plan:
    return backup_plan(declared.inventory, declared.stack, observe(fleet, kernel="never"), TAKING)


def test_a_backup_dumps_the_marked_volume_on_its_host_before_an_engine_stops(fleet: FakeFleet, declared: Make) -> None:
    run_once(fleet, declared())
    plan = backed_up(fleet, declared())
    assert after(plan) == {"backup:volume.s_data": set(), "backup:state": {"backup:volume.s_data"}}
    assert plan.operations[0].step.summary == "dump it on C by pg_dump"
    stopped = backed_up(fleet, declared("stopped"))
    assert "s_store is stopped for the copy" in stopped.operations[0].step.reason


def test_a_backup_whose_data_cannot_be_had_is_refused(fleet: FakeFleet, declared: Make) -> None:
    run_once(fleet, Declared(declared().inventory))
    (refusal,) = backed_up(fleet, declared()).refusals
    assert "service s_store has 0 running tasks" in refusal.what


def test_the_task_of_a_node_that_is_down_is_no_second_one(fleet: FakeFleet, declared: Make) -> None:
    """It stays running until its node's entry is gone; a restore whose hosts joined anew left one."""
    run_once(fleet, declared())
    observed = observe(fleet, kernel="never")
    assert observed.cluster
    store = observed.cluster.service("s_store")
    assert store
    (task,) = observed.cluster.tasks_of(store.id)
    old = replace(task, id="old", node_id="gone", desired_state="shutdown")
    seen = replace(observed, cluster=replace(observed.cluster, tasks=(old, *observed.cluster.tasks)))
    plan = backup_plan(declared().inventory, declared().stack, seen, TAKING)
    assert plan.operations[0].step.summary == "dump it on C by pg_dump"


def test_without_a_stack_file_a_backup_says_that_it_holds_no_volume(fleet: FakeFleet, declared: Make) -> None:
    run_once(fleet, declared())
    (warning,) = backed_up(fleet, replace(declared(), stack=None)).warnings
    assert "no volume is in the backup" in warning.what


def test_a_dump_is_back_before_what_depends_on_it_starts(fleet: FakeFleet, declared: Make) -> None:
    waits = after(plan_on(fleet, declared(data=DeclaredData({"s_data": DATA}))))
    # Writes are kept by the swarm's lock, so the swarm is made first.
    assert waits["volume:s_data"] == {"swarm:init"}
    assert "volume:s_data" in waits["service:s_store"]
    assert waits["data:s_data"] == {"wait:s_store", "volume:s_data"}
    assert "data:s_data" in waits["service:s_web"]


def test_files_are_in_the_volume_before_its_service_starts(fleet: FakeFleet, declared: Make) -> None:
    plan = plan_on(fleet, declared("stopped", DeclaredData({"s_data": replace(DATA, restore=())})))
    assert "volume:s_data" in after(plan)["service:s_store"]
    (make,) = (operation for operation in plan.operations if operation.step.key == "volume:s_data")
    assert make.step.summary == "make it on C with its files"


def test_what_is_in_is_noted_and_not_put_in_again(fleet: FakeFleet, declared: Make) -> None:
    wanted = declared(data=DeclaredData({"s_data": DATA}))
    sent: list[tuple[tuple[str, ...], bytes]] = []

    def piped(arguments: tuple[str, ...], source: bytes) -> tuple[CommandResult, bytes]:
        sent.append((arguments, source))
        return CommandResult(0, "", ""), b""

    fleet["C"].shell.piped = piped  # type: ignore[attr-defined]
    _, applied = run_once(fleet, wanted)
    assert not applied.failed
    ((arguments, source),) = sent
    assert (arguments[0], arguments[-1], source) == (DATA.sha256, "psql", b"rows")
    assert plan_on(fleet, wanted).is_empty


def test_data_whose_volume_was_lost_since_goes_in_again(fleet: FakeFleet, declared: Make) -> None:
    """The swarm has it noted as being in, and C has lost its disk: the database would start empty."""
    wanted = declared(data=DeclaredData({"s_data": DATA}))
    fleet["C"].shell.piped = lambda *_: (CommandResult(0, "", ""), b"")  # type: ignore[attr-defined]
    run_once(fleet, wanted)
    assert plan_on(fleet, wanted).is_empty
    fleet["C"].engine.remove("volumes", "s_data", force=True)
    assert {"volume:s_data", "data:s_data"} <= after(plan_on(fleet, wanted)).keys()
    fleet["C"].shell.piped = lambda *_: (CommandResult(3, "", "syntax error"), b"")  # type: ignore[attr-defined]
    run_once(fleet, wanted)
    # Cut off before the data is in, it is not taken for whole.
    assert "data:s_data" in after(plan_on(fleet, wanted))


def test_an_old_volume_of_its_name_on_another_host_is_not_the_data_s(fleet: FakeFleet, declared: Make) -> None:
    data = DeclaredData({"s_data": DATA})
    fleet["C"].shell.piped = lambda *_: (CommandResult(0, "", ""), b"")  # type: ignore[attr-defined]
    run_once(fleet, declared(data=data))
    assert plan_on(fleet, declared(data=data)).is_empty
    del fleet.engine("C").volumes["s_data"]
    fleet.engine("A").volumes["s_data"] = {"Name": "s_data", "Driver": "local", "Mountpoint": "/v/_data"}
    assert "volume:s_data" in after(plan_on(fleet, declared(data=data)))


def test_what_the_file_has_no_more_is_not_held_for_ever(fleet: FakeFleet, declared: Make) -> None:
    data = DeclaredData({"s_data": replace(DATA, dependents=("s_web", "s_old"))})
    run_once(fleet, declared(data=data))
    task = {"ContainerSpec": {"Image": "old:1"}}
    spec = {"Name": "s_old", "Mode": {"Replicated": {"Replicas": 1}}, "TaskTemplate": task}
    fleet.engine("A").create("services", spec)
    del fleet.engine("C").volumes["s_data"]
    made = after(plan_on(fleet, declared(data=data)))
    assert "hold:s_web" in made
    assert "hold:s_old" not in made


def test_a_host_that_lost_its_disk_joins_with_the_data_and_nobody_uses_an_empty_database(
    fleet: FakeFleet, declared: Make
) -> None:
    """What H52 says to do; the swarm lives, and starts the database as soon as its host has joined."""
    run_once(fleet, declared())
    ended(fleet)
    fleet["C"].engine.leave_swarm(force=True)
    wanted = replace(declared(data=DeclaredData({"s_data": DATA})), overridden=frozenset({"H52"}))
    waits = after(plan_on(fleet, wanted))
    assert waits["volume:s_data"] == {"hold:s_web"}
    assert "volume:s_data" in waits["join:C"]
    # The time to wait does not run while the volume is filled.
    assert {"volume:s_data", "node:C"} <= waits["wait:s_store"]
    assert "data:s_data" in waits
    keys = list(waits)
    assert all(keys.index(other) < number for number, key in enumerate(keys) for other in waits[key])
    _, applied = run_once(fleet, wanted)
    assert not applied.failed
    again = plan_on(fleet, wanted)
    assert [operation.step.key for operation in again.operations if "web" in operation.step.key] == ["service:s_web"]
    run_once(fleet, wanted)
    assert plan_on(fleet, wanted).is_empty
    # A rollback goes back to what ran before the disk was lost, not to a service that stood still for its data.
    assert [record.number for record in read_records(observe(fleet, kernel="never").cluster, "s")] == [1]


def test_a_host_that_lost_its_disk_joins_after_the_image_of_its_database(
    fleet: FakeFleet, declared: Make, tmp_path: Path
) -> None:
    """The swarm lives: a task whose image is still on its way fails, and the wait for it with that."""
    (tmp_path / "images").mkdir()
    image = f"image:C:{write_archive(tmp_path / 'images' / 'store.tar', 'store:1')}"
    archives = read_image_archives(tmp_path / "images")
    run_once(fleet, replace(declared(), archives=archives))
    fleet["C"].engine.leave_swarm(force=True)
    fleet["C"].engine.images.clear()
    wanted = replace(declared(data=DeclaredData({"s_data": DATA})), archives=archives, overridden=frozenset({"H52"}))
    waits = after(plan_on(fleet, wanted))
    assert {image, "volume:s_data"} <= waits["join:C"]
    assert image in waits["wait:s_store"]
    keys = list(waits)
    assert all(keys.index(other) < number for number, key in enumerate(keys) for other in waits[key])


def test_a_rebuild_of_a_living_swarm_may_bring_new_secrets_too(
    fleet: FakeFleet, declared: Make, tmp_path: Path
) -> None:
    """What nobody uses any more goes when all run; a volume is no service that could be waited for."""
    secret = tmp_path / "pw"
    secret.touch(mode=0o600)
    data = DeclaredData({"s_data": DATA})
    for content in ("one", "two", "three"):
        secret.write_text(content)
        wanted = declared(data=data if content == "three" else None, more=SECRETS)
        if content == "three":
            fleet["C"].engine.leave_swarm(force=True)
            wanted = replace(wanted, overridden=frozenset({"H52"}))
            held = after(plan_on(fleet, wanted))
            assert "hold:s_web" in held
            assert not [key for key in held if key.startswith("remove:secret")]
            run_once(fleet, wanted)
        plan, applied = run_once(fleet, wanted)
        assert not applied.failed
        ended(fleet)
    assert [operation for operation in plan.operations if operation.step.key.startswith("remove:secret")]
    assert plan_on(fleet, wanted).is_empty


def test_data_that_went_in_once_is_not_put_over_what_was_written_since(fleet: FakeFleet, declared: Make) -> None:
    # A second rebuild from the same backup: the swarm that knew of the data is gone, the volume is not.
    labels = {"swarmkit.backup": DATA.backup}
    fleet["C"].engine.create("volumes", {"Name": "s_data", "Labels": labels})
    wanted = declared(data=DeclaredData({"s_data": DATA}))
    assert "data:s_data" in after(plan_on(fleet, wanted))
    fleet["C"].shell.answer = lambda *_: CommandResult(0, f"{DATA.backup}\n", "")  # type: ignore[attr-defined]
    plan = plan_on(fleet, wanted)
    assert "data:s_data" not in after(plan)
    assert "is on C already and stays as it is" in [warning.what for warning in plan.warnings]


def test_a_dump_that_is_not_taken_leaves_the_rest_unstarted(fleet: FakeFleet, declared: Make) -> None:
    wanted = declared(data=DeclaredData({"s_data": DATA}))
    fleet["C"].shell.piped = lambda *_: (CommandResult(3, "", "syntax error"), b"")  # type: ignore[attr-defined]
    _, applied = run_once(fleet, wanted)
    assert [outcome.step.key for outcome in applied.failed] == ["data:s_data"]
    assert applied.outcomes["service:s_web"].status == "not started"
    # The next run goes on where this one failed: the volume is known as the one that waits for the data.
    again = after(plan_on(fleet, wanted))
    assert "data:s_data" in again["service:s_web"]


def test_a_volume_without_data_never_starts_empty_unasked(fleet: FakeFleet, declared: Make) -> None:
    (refusal,) = plan_on(fleet, declared(data=DeclaredData())).refusals
    assert refusal.where == "s_data"
    assert "--init-empty s_data" in refusal.remedy
    agreed = plan_on(fleet, declared(data=DeclaredData(init_empty=frozenset({"s_data"}))))
    assert "data:s_data" not in after(agreed)
    assert "starts empty, as asked for" in [warning.what for warning in agreed.warnings]


def test_a_volume_that_shall_start_empty_does_though_the_backup_has_data_for_it(
    fleet: FakeFleet, declared: Make
) -> None:
    plan = plan_on(fleet, declared(data=DeclaredData({"s_data": DATA}, frozenset({"s_data"}))))
    assert "data:s_data" not in after(plan)
    assert "volume:s_data" not in after(plan)
    assert "starts empty, as asked for" in [warning.what for warning in plan.warnings]


def test_a_volume_that_is_there_stays_as_it_is(fleet: FakeFleet, declared: Make) -> None:
    fleet["C"].engine.create("volumes", {"Name": "s_data"})
    plan = plan_on(fleet, declared(data=DeclaredData({"s_data": DATA})))
    assert not {"data:s_data", "volume:s_data"} & after(plan).keys()
    assert "is on C already and stays as it is" in [warning.what for warning in plan.warnings]


def test_data_of_a_service_that_may_run_anywhere_is_refused(fleet: FakeFleet, declared: Make) -> None:
    wanted = declared(data=DeclaredData({"s_data": DATA}))
    assert wanted.stack
    free = [replace(service, deploy=replace(service.deploy, constraints=())) for service in wanted.stack.services]
    plan = plan_on(fleet, replace(wanted, stack=replace(wanted.stack, services=tuple(free))))
    assert "may run on several hosts" in plan.refusals[0].what
    unlabelled = [replace(host, labels={}) for host in wanted.inventory.hosts]
    plan = plan_on(fleet, replace(wanted, inventory=replace(wanted.inventory, hosts=tuple(unlabelled))))
    (nowhere,) = [refusal for refusal in plan.refusals if refusal.code == "H58"]
    assert "may run on no host of the inventory" in nowhere.what
    assert plan_on(fleet, declared()).operations
