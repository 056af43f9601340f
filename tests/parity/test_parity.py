"""Each stack file deployed by docker's own tool and by our specs on one engine: what is read back is the same."""

from __future__ import annotations

import base64
import io
import json
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab.spare_lab import SpareLab
from parity.differences import Specs, differences, named

from swarmkit import lab as room
from swarmkit.declared.stack import load_stack
from swarmkit.lab import LabHost, Places
from swarmkit.plan.names import file_name
from swarmkit.plan.spec import file_drivers, network_spec, service_spec, with_ids

pytestmark = pytest.mark.lab

STACKS = Path(__file__).parent / "stacks"
HOST = LabHost("P", 41, memory_megabytes=768)
API = (1, 45)
_READ = """
ask() { ids=$(docker $1 ls -q); [ -n "$ids" ] && docker $1 inspect $ids || echo '[]'; }
printf '{"services":'; ask service; printf ',"networks":'; ask network
printf ',"secrets":'; ask secret; printf ',"configs":'; ask config; printf '}'
"""
_CLEAR = """
for kind in service secret config; do ids=$(docker $kind ls -q); [ -z "$ids" ] || docker $kind rm $ids; done
for i in $(seq 100); do
  left=$(docker network ls -q --filter label=com.docker.stack.namespace)
  [ -z "$left" ] && exit 0
  docker network rm $left; sleep 0.3
done; exit 1
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[SpareLab]:
    """A swarm of one lab host, engine and CLI 26.1, with the stack files in /stacks."""
    with tempfile.TemporaryDirectory(prefix="swarmkit-parity-") as folder:
        places = Places(state=Path(folder) / "swarmkit" / "lab", cache=Places.from_environment().cache)
        try:
            room.up(places, (HOST,))
            lab = SpareLab(places, Path(folder))
            lab.run("P", f"docker swarm init --advertise-addr {HOST.data_address}")
            archive = io.BytesIO()
            with tarfile.open(fileobj=archive, mode="w") as tar:
                tar.add(STACKS, arcname="stacks")
            lab.run("P", "tar -x -C / -f -", stdin=archive.getvalue())
            yield lab
        finally:
            room.down(places)


def read_back(lab: SpareLab) -> Specs:
    return named(json.loads(lab.run("P", _READ).stdout))


def create(lab: SpareLab, path: str, body: dict[str, Any]) -> str:
    """Create an object through the engine's API and return its ID."""
    content = json.dumps(body).encode()
    head = f"POST /v1.45/{path}/create HTTP/1.0\r\nHost: x\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content
    answer = lab.run("P", "docker system dial-stdio", stdin=request).stdout.partition("\r\n\r\n")[2]
    created = json.loads(answer)
    assert "message" not in created, f"{path} {body.get('Name')}: {created}"
    return str(created.get("ID") or created["Id"])


def deploy_ours(lab: SpareLab, path: Path) -> None:
    """Create what the plan of an empty swarm would, without the policy that encrypts every network."""
    stack = load_stack(path, name="s", environment={})
    ids: dict[str, dict[str, str]] = {"networks": {}, "secrets": {}, "configs": {}}
    host = lab.run("P", "docker network ls --no-trunc -qf name=^host$").stdout.strip()
    ids["networks"]["host"] = host
    for network in stack.networks:
        if not network.external:
            body = network_spec(stack, network, encrypted=network.encrypted)
            ids["networks"][network.name] = create(lab, "networks", body)
    for kind, files in (("secrets", stack.secrets), ("configs", stack.configs)):
        for file in files:
            assert file.content
            labels = {**file.labels, "com.docker.stack.namespace": "s", "swarmkit.key": file.key}
            data = base64.b64encode(file.content.reveal()).decode()
            body = {"Name": file_name(file), "Labels": labels, "Data": data, **file_drivers(file)}
            ids[kind][file_name(file)] = create(lab, kind, body)
    for service in stack.services:
        spec = service_spec(
            stack,
            service,
            images={},
            api_version=API,
            secret_names={file.key: file_name(file) for file in stack.secrets},
            config_names={file.key: file_name(file) for file in stack.configs},
        )
        create(lab, "services", with_ids(spec, ids["networks"], ids["secrets"], ids["configs"]))


@pytest.mark.parametrize("name", sorted(path.stem for path in STACKS.glob("*.yaml")))
def test_docker_and_swarmkit_make_the_same(engine: SpareLab, name: str) -> None:
    engine.run("P", _CLEAR)
    engine.run("P", f"cd /stacks && docker stack deploy --resolve-image never --detach=true -c {name}.yaml s")
    docker = read_back(engine)
    engine.run("P", _CLEAR)
    deploy_ours(engine, STACKS / f"{name}.yaml")
    assert differences(docker, read_back(engine)) == []
