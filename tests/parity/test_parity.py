"""Each stack file deployed by docker's own tool and by swarmkit on one engine: what is read back is the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from parity.corpus import Case, batches, cases, our_cases
from parity.differences import REFUSALS_PASSED_OVER, REFUSED_ON, Specs, differences, numbers_of
from parity.engine_room import EngineRoom, Takeover, engine_room

from swarmkit.workflows.export import Exported

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

CASES = cases()
OURS = our_cases()
HOST_NUMBERS = {"26.1": 41, "20.10": 42}


@dataclass(frozen=True)
class Alone:
    """A stack that only swarmkit brings to its end."""

    docker_said: str
    services: Specs
    networks: dict[str, tuple[str, str]]
    """Driver and scope by name."""
    exported: Exported


@dataclass(frozen=True)
class Compared:
    engine: str
    docker: dict[str, Specs]
    ours: dict[str, Specs]
    said: dict[str, str]
    """What docker printed, by stack."""
    refused: dict[str, list[str]]
    """What both tools said of a stack that the engine refuses."""
    exported: dict[str, Exported]
    """What docker's tool had deployed, as `swarmkit export` writes it."""
    own: dict[str, Exported]
    """What swarmkit itself had deployed, so."""
    takeovers: dict[str, Takeover]
    """What swarmkit plans over it."""
    alone: dict[str, Alone]


@pytest.fixture(scope="module", params=HOST_NUMBERS)
def compared(request: pytest.FixtureRequest) -> Compared:
    """Every stack of the corpus, deployed by both tools on one engine."""
    found = Compared(request.param, {}, {}, {}, {}, {}, {}, {}, {})
    refused = REFUSED_ON[found.engine]
    with engine_room(found.engine, HOST_NUMBERS[found.engine]) as engine:
        for group in batches([case for case in CASES if case.name not in refused]):
            engine.makes_external_objects(group)
            found.said.update(engine.docker_deploys(group))
            found.docker.update(engine.read_back())
            found.exported.update(engine.exports(group))
            found.takeovers.update(engine.takes_over(group))
            engine.clear()
            engine.swarmkit_deploys(group)
            found.ours.update(engine.read_back())
            found.own.update(engine.exports(group))
            engine.clear_all()
        found.refused.update({case.name: _refusals(engine, case) for case in CASES if case.name in refused})
        found.alone.update({case.name: _alone(engine, case) for case in OURS})
    return found


def _refusals(engine: EngineRoom, case: Case) -> list[str]:
    engine.makes_external_objects([case])
    said = [_refusal(engine, deploy, case) for deploy in (engine.docker_deploys, engine.swarmkit_deploys)]
    engine.clear_all()
    return said


def _refusal(engine: EngineRoom, deploy: Callable[[list[Case]], object], case: Case) -> str:
    with pytest.raises(AssertionError) as caught:
        deploy([case])
    engine.clear()
    return str(caught.value)


def _alone(engine: EngineRoom, case: Case) -> Alone:
    engine.makes_external_objects([case])
    said = _refusal(engine, engine.docker_deploys, case)
    engine.swarmkit_deploys([case])
    networks = {one["Name"]: (one["Driver"], one["Scope"]) for one in engine.engine.find("networks")}
    made = Alone(said, engine.read_back()[case.name]["services"], networks, engine.exports([case])[case.name])
    engine.clear_all()
    return made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_docker_and_swarmkit_make_the_same(compared: Compared, case: Case) -> None:
    if case.name in compared.refused:
        assert [REFUSED_ON[compared.engine][case.name] in said for said in compared.refused[case.name]] == [True, True]
        return
    assert compared.docker[case.name]["services"], "docker made no service"
    numbered = numbers_of(case.load())
    assert differences(compared.docker[case.name], compared.ours[case.name], numbered) == []
    lines = compared.said[case.name].splitlines()
    ignored = [line.partition(":")[2] for line in lines if line.startswith("Ignoring unsupported")]
    words = {word.strip() for line in ignored for word in line.split(",")}
    words |= {line.partition(":")[0] for line in lines if line.startswith(("container_name:", "expose:"))}
    warned = {warning.path.rpartition(".")[2] for warning in case.load().warnings if warning.code == "B31"}
    assert words <= warned, "docker ignores what swarmkit does not warn of"


@pytest.mark.parametrize("tool", ["docker", "swarmkit"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_either_tool_deployed_is_exported_to_a_file_that_plans_to_no_change(
    compared: Compared, case: Case, tool: str
) -> None:
    exports = compared.exported if tool == "docker" else compared.own
    if case.name in compared.refused:
        assert case.name not in exports
        return
    made = exports[case.name]
    assert made.differences == (), made.text
    assert [line for line in made.refusals if not line.startswith(tuple(REFUSALS_PASSED_OVER))] == [], made.text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_docker_deployed_is_taken_over_with_new_secrets_and_configs_alone(compared: Compared, case: Case) -> None:
    if case.name in compared.refused:
        assert case.name not in compared.takeovers
        return
    taken = compared.takeovers[case.name]
    assert {path for path in taken.paths if not _is_a_file(path)} == set()
    assert taken.others == frozenset()
    assert taken.told == taken.files, "what gets a successor is not told, or what gets none"


@pytest.mark.parametrize("case", OURS, ids=lambda case: case.name)
def test_a_network_that_docker_makes_on_one_manager_alone_is_one_of_the_swarm(compared: Compared, case: Case) -> None:
    alone = compared.alone[case.name]
    (network,) = [one for one in case.load().networks if one.driver != "overlay"]
    assert f"The network {network.name} cannot be used with services" in alone.docker_said
    assert alone.networks[network.name] == (network.driver, "swarm")
    used = {name: _networks_of(spec) for name, spec in alone.services.items()}
    assert used == {f"{case.name}_a": {network.name}, f"{case.name}_b": {network.name, f"{case.name}_inner"}}
    assert (alone.exported.differences, alone.exported.refusals) == ((), ()), alone.exported.text


def _networks_of(service: Specs) -> set[str]:
    return {one["Target"] for one in service["TaskTemplate"]["Networks"]}


def _is_a_file(path: str) -> bool:
    """Tell of the name of a secret or config in a service, a credential's too."""
    return any(word in path for word in ("ContainerSpec.Secrets", "ContainerSpec.Configs", "CredentialSpec.Config"))
