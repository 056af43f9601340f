"""Codes of the swarm itself: members, managers, versions, leftovers."""

from __future__ import annotations

from swarmkit.finding import Explanation

SWARM: dict[str, Explanation] = {
    "B17": Explanation(
        "Another data-path port than the swarm's",
        "None: the declared port would never be used.",
        "The port is fixed when the swarm is made.",
        "Declare the live one.",
        "Docker documentation, swarm init",
    ),
    "B45": Explanation(
        "A network's options, or a secret's driver, were changed; or others have a network of that name",
        "None of what was changed: docker stack deploy goes on with the old. A name that is taken it is refused.",
        "The engine cannot change a network or a secret's driver, nor rename or remove what is in use.",
        "`swarmkit up --recreate-networks`, when only the stack's own services are on it; one of others: "
        "`external: true`, or another name. A secret: another name. Ingress: the finding tells how.",
        "moby daemon/cluster/networks.go",
    ),
    "H49": Explanation(
        "Another swarm, or an unfinished one",
        "'This node is already part of a swarm'.",
        "The host is in a swarm that is not this one, or its join has not ended.",
        "Check the inventory; --adopt takes a swarm over.",
        "moby daemon/cluster/errors.go",
    ),
    "H51": Explanation(
        "An even number of managers",
        "The loss of half of them stops the swarm.",
        "A majority of 4 is 3, as of 5: the fourth adds a risk and no margin.",
        "1, 3, 5 or 7 managers.",
        "moby daemon/cluster/swarm.go",
    ),
    "H52": Explanation(
        "Earlier nodes of a host",
        "Labels and constraints point to the dead entry.",
        "A host that leaves and joins is a new node; the old entry stays.",
        "docker node rm ID; where the host is in no swarm now: swarmkit node replace HOST.",
        "moby/moby#30059",
    ),
    "H54": Explanation(
        "Managers do not answer",
        "'The swarm does not have a leader'; tasks keep running.",
        "Hosts are down, or tcp/2377 between managers is closed.",
        "Bring managers back first; when they are gone for good: swarmkit recover quorum (docs/recovery.md).",
        "Docker administration guide",
    ),
    "H57": Explanation(
        "The node's address is gone from its host",
        "Peers send to the old address: published ports and overlays are dead there.",
        "A new DHCP lease, or a restore on another machine.",
        "Give the host its address back, or let the node leave and join again.",
        "docker/docs#7931, moby/moby#34306",
    ),
    "H61": Explanation(
        "Engines of different releases",
        "What one engine writes another may not read; networks behave differently from host to host.",
        "An upgrade has stopped half-way, a new host came with a newer engine, or a backup is restored on an older "
        "one.",
        "Upgrade the rest, one host after the other; restore on an engine as new as the backup's.",
        "Docker documentation, upgrade a swarm",
    ),
    "H63": Explanation(
        "A node that is no host of the inventory",
        "Tasks run, and secrets go, where nobody expects them.",
        "It left the inventory, or somebody joined it with a token.",
        "Declare it or remove it; swarmkit rotate tokens.",
        "Docker documentation, swarm join-token",
    ),
    "H64": Explanation(
        "Networks of an earlier swarm",
        "'Pool overlaps', 'has active endpoints'.",
        "The engine kept them when it left.",
        "docker network rm; when the engine refuses it, restart the engine.",
        "moby/moby#39225",
    ),
    "H65": Explanation(
        "VXLAN link left behind",
        "'error creating vxlan interface: file exists'.",
        "An engine that ended badly left it in the host's namespace, where no engine looks, or in a sandbox.",
        "ip link delete of a link that the finding names; of one in a sandbox: restart docker.",
        "moby/libnetwork#1765",
    ),
    "H69": Explanation(
        "Image that a registry does not give",
        "Tasks are rejected: 'No such image', whatever the registry said. By 29.6 also where the image is there.",
        "The service has no login for the registry, or one that is no longer valid; 29.6 asks the registry first.",
        "`docker login`, then `swarmkit up --with-registry-auth`; of 29.6 upgrade to 29.7.0 or newer.",
        "moby/moby#32231, moby commit a7cf7eac0a",
    ),
    "H84": Explanation(
        "Placement preferences before 29.0",
        "After a change of scale tasks stay pending for ever.",
        "The scheduler of older managers forgets them.",
        "Upgrade the managers.",
        "moby/moby#50202",
    ),
}
