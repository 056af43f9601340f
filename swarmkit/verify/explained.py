"""What each V-code means when it is not proved: the source of ``doctor --explain`` and of docs/checks.md."""

from __future__ import annotations

from swarmkit.finding import Explanation

PROOFS: dict[str, Explanation] = {
    "V00": Explanation(
        "A manager tells of the cluster",
        "Every command on the swarm fails.",
        "No leader: most managers are down; or no host of the inventory is a manager.",
        "No swarm yet: swarmkit up. Else bring the managers back. Gone for good: most, swarmkit recover quorum; all, "
        "swarmkit restore.",
        "Docker administration guide",
    ),
    "V01": Explanation(
        "Each host is one ready node as declared",
        "Tasks run elsewhere or not at all.",
        "The engine is down, the node was changed by hand, or a host is a clone.",
        "swarmkit up; where the node is down: systemctl restart docker; unknown, after an election: wait a minute; "
        "left by hand: swarmkit node replace HOST.",
        "Docker documentation, manage nodes",
    ),
    "V02": Explanation(
        "As many tasks run as declared, with the newest spec",
        "Fewer replicas than asked for; old ones among them; a warning: they run, and keep failing.",
        "The task's own error is the evidence: no suitable node, image, mount, health, an exit code.",
        "docker service ps --no-trunc SERVICE",
        "moby swarmkit task states",
    ),
    "V03": Explanation(
        "The last update went through",
        "A service stays half updated.",
        "New tasks failed; Docker's default is to pause, not to go back.",
        "docker service ps --no-trunc SERVICE, then swarmkit up.",
        "moby swarmkit update/updater.go",
    ),
    "V04": Explanation(
        "Names resolve to the VIP and to the running tasks",
        "'bad address', or connections to tasks that are gone.",
        "Names that did not come back after a partition, or port 7946 closed.",
        "docker service update --force SERVICE; if it stays: systemctl restart docker on the host that asked.",
        "moby/moby#50342, moby commit 6cf8465115",
    ),
    "V05": Explanation(
        "Services reach each other by VIP and by task address",
        "Connections over an overlay time out.",
        "IP protocol 50 or the data-path port blocked, no IPVS, a service that refuses, or a task that ended while it "
        "was probed.",
        "swarmkit doctor names the way that is closed; why a task ended: docker service ps --no-trunc SERVICE.",
        "docker/docs#8640, moby/moby#24005",
    ),
    "V06": Explanation(
        "A published port answers on every node",
        "Some hosts answer, others do not.",
        "Forwarding rules flushed by a firewall's reload, or ingress is blocked between hosts.",
        "systemctl restart docker on the host.",
        "moby/moby#50443",
    ),
    "V07": Explanation(
        "A published port answers from here (informational)",
        "The page does not open on the operator's machine.",
        "A firewall between here and the host.",
        "Open the port there, if it shall be reached.",
        "docs/proof.md",
    ),
    "V08": Explanation(
        "The network was made with the option encrypted",
        "None: its traffic crosses between hosts in clear.",
        "It was made by hand or by an older file; the option cannot be changed later.",
        "Remove its services and the network, then swarmkit up.",
        "moby swarmkit controlapi/network.go",
    ),
    "V09": Explanation(
        "Kernels hold matching ESP states and policies",
        "Connections between two hosts time out.",
        "Another IPsec stack flushed them, or engines number states differently.",
        "systemctl restart docker on the hosts named, then give it a minute; compare docker version.",
        "moby overlay/encryption.go, moby/moby#51798",
    ),
    "V10": Explanation(
        "The firewall marks what leaves and drops what arrives in clear",
        "Frames leave in clear, or injected ones are accepted.",
        "iptables -F, a firewall's reload, a rule that accepts before Docker's or marks otherwise after it.",
        "systemctl restart docker on the host; the commands of the finding where Docker's rule stands behind another: "
        "the engine moves none that is there.",
        "CVE-2023-28840, moby/moby#50445",
    ),
    "V11": Explanation(
        "ESP counts bytes at both ends",
        "Connections between two hosts time out, or leave in clear.",
        "IP protocol 50 is blocked on the way, marks are lost, or the kernels' keys differ; or a firewall that keeps "
        "track of connections lets it in as an answer alone, while the probes go both ways, and drops it after ten "
        "idle minutes.",
        "Admit protocol 50 from the peer: the finding has the rule; where keys differ: systemctl restart docker.",
        "docker/docs#8640",
    ),
    "V12": Explanation(
        "A network is encrypted between two hosts",
        "Encryption is not proved.",
        "One of V08 to V11 does not hold, a host was not read, nobody could watch the cable (V16), or no clear frame "
        "came to one of the two (V19: a warning).",
        "What those findings say.",
        "docs/proof.md",
    ),
    "V13": Explanation(
        "Whether ingress is encrypted",
        "None: requests to published ports cross between hosts in clear.",
        "Docker makes ingress without encryption.",
        "swarm_encrypt_ingress: true in the inventory, then swarmkit up: it says how, where ports are published; "
        "or TLS, or mode: host.",
        "Docker documentation, swarm networking",
    ),
    "V14": Explanation(
        "Every host answers, could be looked at, and probed from",
        "Of what runs on one host nothing is proved, good or bad.",
        "The host is down or not trusted, the connection was lost, it was too busy to answer in time, or a tool is "
        "missing (nsenter, ip, iptables).",
        "Install the tool that the finding names: apt install util-linux iproute2 iptables; else see by ssh what keeps "
        "the host busy, then swarmkit verify again.",
        "docs/proof.md",
    ),
    "V15": Explanation(
        "The kernel counts no IPsec errors",
        "Packets are lost now and then, or all.",
        "States that do not match: stale keys after a long pause, mixed engines. Told when counted a second time.",
        "systemctl restart docker on the host.",
        "Linux xfrm_proc, moby/moby#46838",
    ),
    "V16": Explanation(
        "The cable carries ESP and nothing of an encrypted network in clear",
        "None: whoever is on the way can read.",
        "Docker's marks were removed from the firewall of a sender.",
        "systemctl restart docker on the sender.",
        "docs/proof.md",
    ),
    "V17": Explanation(
        "Payloads, small and of full size, arrive inside containers",
        "Small answers pass; TLS handshakes and query results hang.",
        "The path between the hosts carries less than the network's MTU.",
        "driver_opts: {com.docker.network.driver.mtu: MTU} of the network; ingress anew: the finding tells how.",
        "docs/proof.md",
    ),
    "V18": Explanation(
        "What shares no network is neither named nor reached",
        "None: a service can be reached that should not be.",
        "Somebody put both on one network; or a route, a bridge or a forwarding rule that others made.",
        "swarmkit up takes the service off the network; a route: remove it, then systemctl restart docker.",
        "docs/proof.md",
    ),
    "V19": Explanation(
        "Clear frames of an encrypted network are dropped",
        "None: whoever reaches the data-path port can put packets into the network.",
        "The rule that drops them is gone, or stands behind one that accepts.",
        "systemctl restart docker on the host.",
        "CVE-2023-28840, docs/proof.md",
    ),
    "V20": Explanation(
        "What is declared is live",
        "Tests pass on one cluster and fail on another of the same files.",
        "Somebody changed a network, a service, a secret or a config by hand, or the file was changed and not applied.",
        "swarmkit plan shows it, swarmkit up corrects it; or declare what is live.",
        "swarmkit plan, docs/proof.md",
    ),
    "V21": Explanation(
        "The managers can decide, with a margin",
        "None yet: the next loss of a manager stops every change.",
        "A manager is down or cut off.",
        "Bring it back; if its state was wiped: swarmkit node replace HOST; if it is gone for good: swarmkit recover "
        "quorum, or a new manager by swarmkit up.",
        "Docker administration guide, raft",
    ),
    "V22": Explanation(
        "Each node's swarm certificate is valid and will be renewed",
        "None, until it ends: then the node leaves the swarm, 'Swarm certificates have expired'.",
        "The node did not reach a manager while its certificate was due for renewal.",
        "See that the node reaches a manager's port 2377, then swarmkit rotate ca.",
        "moby swarmkit ca/renewer.go",
    ),
    "V23": Explanation(
        "Nothing is left over",
        "None: old names and passwords lie about, addresses are taken.",
        "A service left the stack file, a host joined anew, a network was made by hand.",
        "The finding names the command: swarmkit up --prune, docker network rm, docker node rm.",
        "docs/proof.md",
    ),
    "V24": Explanation(
        "Only what is published answers from outside, and hosts do not reach containers past that",
        "None: a service can be reached that was not published.",
        "A route to the overlay's subnet, or a forwarding rule, that others made.",
        "Remove the route or the rule that the finding names.",
        "docs/proof.md",
    ),
    "V25": Explanation(
        "The tasks of a service run one image, the one that its spec names",
        "Replicas of one service behave differently.",
        "A tag means another image on each host, pulled or built at different times; or the digest is of another.",
        "Name the image by digest, or give its archive: swarmkit up --images DIR.",
        "Docker documentation, pull by digest",
    ),
    "V26": Explanation(
        "The swarm's own traffic passes between all nodes",
        "Names are missing or VIPs are dead on some hosts, while tasks run.",
        "A firewall that admits tcp 7946 and forgets udp 7946, or the other way round, often in one direction alone.",
        "Admit udp and tcp 7946 between all nodes, and tcp 2377 to managers: the finding has the rule.",
        "Docker documentation, swarm ports",
    ),
    "V27": Explanation(
        "No host is cut off from all others",
        "Its node is down for the managers, its services are started elsewhere or fail, names and VIPs are dead.",
        "A cable, a switch, a route or a firewall between the hosts, while SSH comes in by another way.",
        "Mend that first: what else is found about ways follows from it.",
        "HAZARDS section 4, partitions",
    ),
    "V28": Explanation(
        "Requests are led to all of a service's tasks and nowhere else",
        "Every second or third request hangs or is refused, or some replicas get none.",
        "A record of a task that is gone, or none of one that runs, in a host's IPVS: after churn or a partition.",
        "docker service update --force SERVICE; where an address is of no task: systemctl restart docker on the host.",
        "HAZARDS H16, moby/moby#50342",
    ),
    "V29": Explanation(
        "No host has an address by which the nodes reach another",
        "What is sent to a host arrives at another, or now at this and then at that one.",
        "A copy of a machine that came up with the original's address, or an address given out twice.",
        "Take it from the host that the finding names: swarmkit doctor tells such as H36. What is found of that host's "
        "ways follows from it.",
        "RFC 5227",
    ),
    "V30": Explanation(
        "The links of a network on a host, and those inside its containers, are up",
        "Tasks run and nothing reaches them: all ways to and from them hang.",
        "Somebody, or a program that manages interfaces, took a link down: of the network's namespace on the host, or "
        "of a container.",
        "On the host: systemctl restart docker; of a container alone: docker service update --force SERVICE. What is "
        "found of ways to and from the host follows from it.",
        "moby libnetwork/drivers/overlay/ov_network.go",
    ),
}
