"""How ingress gets another MTU: no stack file has it, and it stays while a service publishes by it."""

from __future__ import annotations

from collections.abc import Collection

from swarmkit.declared.stack.service import MTU_OPTION


def new_ingress_lines(host: str, *, services: Collection[str], mtu: str, encrypted: bool, name: str = "ingress") -> str:
    """Return the commands for *host*, a manager, and then the others, that make ingress anew with *mtu*.

    Docker's tool asks before it removes ingress, and takes silence for a no. An engine that had a task on the old one
    keeps its end of it and refuses the new one until it starts anew; an engine that gets the new one has no use of it
    before that either (moby/moby#40184; both seen on 26.1). One that is stopped while its task ends may leave the old
    one's link behind (H65, seen on 26.1): its containers end first.
    """
    published = " ".join(sorted(services))
    ended = f"docker service rm {published} && {_ended(published)} && " if published else ""
    option = "--opt encrypted " if encrypted else ""
    make = f"docker network create -d overlay --ingress {option}--opt {MTU_OPTION}={mtu} {name}"
    return (
        f"on {host}: {ended}echo y | docker network rm {name} && "
        f"systemctl restart docker && timeout 60 sh -c 'until {make}; do sleep 1; done'; "
        "on every other node, one after the other: systemctl restart docker; "
        "then swarmkit up, which makes the services of its stack again; or give all hosts' data links the larger MTU"
    )


def _ended(services: str) -> str:
    """Return the command that waits until no container of *services* is left on its host."""
    filters = " ".join(f"label=com.docker.swarm.service.name={name}" for name in services.split())
    return f'for s in {filters}; do timeout 60 sh -c "while docker ps -aq -f $s | grep -q .; do sleep 1; done"; done'
