"""What each code of the doctor means: the source of ``doctor --explain`` and of docs/checks.md.

Codes are those of the field's hazards as this project numbers them, stable for scripts and runbooks; D-codes are checks
without such a number.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Explanation:
    """One code: what one sees when it strikes, why, what helps, and where that is known from."""

    title: str
    symptom: str
    remedy: str
    source: str


EXPLANATIONS: dict[str, Explanation] = {
    "B13": Explanation(
        "Declared address not on the host",
        "The swarm forms, and overlay traffic goes nowhere: NAT is not supported between nodes.",
        "Declare an address that `ip addr` shows on the host.",
        "moby daemon/cluster/listen_addr.go",
    ),
    "B26": Explanation(
        "Address pool overlaps a host's route",
        "The host loses its way to that network as soon as an overlay takes the range.",
        "Set `swarm_address_pools` to a free range; `swarmkit network plan` proposes some.",
        "moby/moby#50011",
    ),
    "B56": Explanation(
        "Engine asks a proxy for its peers",
        "Joins and image pulls between hosts time out.",
        "Add the peers' addresses to NO_PROXY of docker.service.",
        "Docker documentation, daemon proxy",
    ),
    "D01": Explanation(
        "Connection tracking almost full",
        "New connections are lost under load: 'nf_conntrack: table full, dropping packet'.",
        "Raise net.netfilter.nf_conntrack_max.",
        "Linux nf_conntrack-sysctl",
    ),
    "D02": Explanation(
        "Docker not enabled at boot",
        "After a reboot the node stays down.",
        "systemctl enable docker",
        "systemd unit state",
    ),
    "H01": Explanation(
        "Engine accepts clear frames into encrypted overlays",
        "None: others can inject frames, or the network works in clear.",
        "Upgrade to 20.10.24, 23.0.3 or newer.",
        "CVE-2023-28840, CVE-2023-28841, CVE-2023-28842",
    ),
    "H04": Explanation(
        "Kernel cannot carry an encrypted overlay",
        "Docker reports success; packets between hosts vanish.",
        "A kernel with the option that the finding names; modprobe esp4 xfrm_user xt_bpf vxlan.",
        "moby overlay/encryption.go: a failed state is only a warning",
    ),
    "H05": Explanation(
        "Engines 29.0.0 to 29.2.0 beside others",
        "Names resolve, encrypted connections time out: the versions compute different SPIs.",
        "Upgrade all engines to 29.2.1 or newer.",
        "moby/moby#51798",
    ),
    "H06": Explanation(
        "IP protocol 50 does not pass",
        "Names resolve, every connection over an encrypted overlay times out.",
        "Admit protocol esp (50) between all hosts, in host firewalls and in security groups.",
        "docker/docs#8640, moby/moby#27425",
    ),
    "H07": Explanation(
        "A port between hosts does not pass",
        "Joins fail (2377), names are missing (7946), containers do not reach each other (4789).",
        "Open tcp/2377 to managers, tcp and udp/7946 and the data-path port between all hosts.",
        "Docker documentation, overlay networks",
    ),
    "H08": Explanation(
        "Own data-path port with encryption",
        "Nothing passes: the engine's IPsec policies name port 4789.",
        "Upgrade to 23.0.7, 24.0.3 or newer, or use the default port.",
        "moby/moby#45636",
    ),
    "H10": Explanation(
        "vmxnet3 checksum offload",
        "Ping between containers works, TCP and UDP do not.",
        "ethtool -K DEVICE tx-checksum-ip-generic off",
        "moby/moby#41775",
    ),
    "H11": Explanation(
        "Path MTU below 1500",
        "Small answers pass; TLS handshakes and query results hang.",
        "Set com.docker.network.driver.mtu of the networks to the path's MTU.",
        "moby overlay maxMTU, moby/libnetwork#2661",
    ),
    "H12": Explanation(
        "Overlay over IPv6",
        "Full-size frames are lost: the header is 20 bytes larger than reckoned.",
        "Subtract 20 from com.docker.network.driver.mtu.",
        "moby overlay maxMTU",
    ),
    "H13": Explanation(
        "Different MTUs on the hosts",
        "Large payloads hang in one direction.",
        "The same MTU on all data links.",
        "moby/moby#33133",
    ),
    "H14": Explanation(
        "Windows host",
        "Its traffic is in clear or absent, without an error.",
        "Keep encrypted networks on Linux hosts.",
        "Docker documentation, overlay networks",
    ),
    "H17": Explanation(
        "Address translated between hosts",
        "Nothing passes over overlays: SPIs and tunnel ends come from advertised addresses.",
        "Advertise addresses that the peers see unchanged, or use a VPN between the hosts.",
        "moby/moby#31677",
    ),
    "H18": Explanation(
        "Another IPsec user",
        "Its restart flushes Docker's states: packets vanish or leave in clear.",
        "swarmkit verify after each restart of it; restart docker where it says so.",
        "moby overlay/encryption.go clearEncryptionStates",
    ),
    "H19": Explanation(
        "Very many containers a host",
        "Overlay networks get unstable.",
        "More hosts.",
        "moby/moby#44973",
    ),
    "H20": Explanation(
        "No IPVS",
        "Task addresses answer, service addresses and published ports do not.",
        "modprobe ip_vs",
        "moby service_linux.go, moby/moby#24005",
    ),
    "H23": Explanation(
        "nftables backend",
        "The engine refuses swarm init and join.",
        "Use the iptables backend.",
        "moby config_linux.go",
    ),
    "H26": Explanation(
        "Forwarding is off",
        "Containers do not reach other hosts.",
        "Set the sysctl in /etc/sysctl.d.",
        "moby contrib/check-config.sh",
    ),
    "H27": Explanation(
        "Strict reverse-path filter with several interfaces",
        "Overlay frames that arrive on the other interface are dropped.",
        "net.ipv4.conf.all.rp_filter=2",
        "Linux ip-sysctl",
    ),
    "H28": Explanation(
        "Address ranges clash",
        "'Pool overlaps with other one on this address space', or hosts lose their routes.",
        "swarmkit network plan shows all ranges and proposes free ones.",
        "moby/moby#33626",
    ),
    "H29": Explanation(
        "A network is outside the pools",
        "It may clash with what the pools were chosen to avoid.",
        "Recreate it before services use it.",
        "moby/moby#39228",
    ),
    "H30": Explanation(
        "A range runs out of addresses",
        "Services stay in state New, and nothing is in `service ps`.",
        "More networks, or larger subnets.",
        "moby/moby#43052",
    ),
    "H31": Explanation(
        "No address to advertise",
        "'could not choose an IP address to advertise', or the wrong interface is taken.",
        "Set swarm_advertise_addr.",
        "moby listen_addr.go",
    ),
    "H32": Explanation(
        "The swarm knows another address",
        "Peers send to an address they cannot reach.",
        "Let the node leave and join again.",
        "moby/moby#31677",
    ),
    "H33": Explanation(
        "Swarm ports on a public address",
        "Anybody can send to them.",
        "A firewall that admits the peers alone.",
        "Docker documentation, swarm init",
    ),
    "H34": Explanation(
        "Clocks differ",
        "'x509: certificate has expired or is not yet valid' on join.",
        "timedatectl set-ntp true",
        "moby swarmkit ca/certificates.go",
    ),
    "H35": Explanation(
        "Swarm certificate ended, or ends soon",
        "The node's swarm state is error: 'Swarm certificates have expired'.",
        "Worker: leave and join; last manager: force a new cluster.",
        "moby swarmkit#1919",
    ),
    "H36": Explanation(
        "Two hosts are one machine, or a clone",
        "docker node ls shows one node under changing names.",
        "Give the clone an identity of its own.",
        "moby/moby#46167",
    ),
    "H37": Explanation(
        "Host names",
        "Constraints match the wrong node or none.",
        "Unique names in small letters, or labels.",
        "k0sctl validate_hosts.go",
    ),
    "H38": Explanation(
        "Disk or inodes run out",
        "Raft cannot write; after a power loss: 'WAL error cannot be repaired'.",
        "Free space, or a larger disk.",
        "moby swarmkit#2959",
    ),
    "H40": Explanation(
        "live-restore",
        "The engine refuses swarm mode.",
        'Set "live-restore": false.',
        "moby config_linux.go",
    ),
    "H41": Explanation(
        "Rootless engine or mapped user ids",
        "Overlay networks do not work rootless.",
        "A rootful engine.",
        "Docker documentation, rootless mode",
    ),
    "H42": Explanation(
        "Different image stores",
        "An image has different ids on different hosts.",
        "Compare by digest.",
        "Docker 29 release notes",
    ),
    "H45": Explanation(
        "Control groups lack a limit",
        "Limits of the stack are ignored.",
        "Control groups version 2 with all controllers.",
        "Docker 29 release notes",
    ),
    "H49": Explanation(
        "Another swarm, or an unfinished one",
        "'This node is already part of a swarm'.",
        "Check the inventory; --adopt takes a swarm over.",
        "moby daemon/cluster/errors.go",
    ),
    "H52": Explanation(
        "Earlier nodes of a host",
        "Labels and constraints point to the dead entry.",
        "docker node rm ID",
        "moby/moby#30059",
    ),
    "H54": Explanation(
        "Managers do not answer",
        "'The swarm does not have a leader'; tasks keep running.",
        "Bring managers back first; when they are gone for good: swarmkit recover quorum (docs/recovery.md).",
        "Docker administration guide",
    ),
    "H64": Explanation(
        "Networks of an earlier swarm",
        "'Pool overlaps', 'has active endpoints'.",
        "docker network rm; when the engine refuses it, restart the engine.",
        "moby/moby#39225",
    ),
    "H65": Explanation(
        "VXLAN link left behind",
        "'error creating vxlan interface: file exists'.",
        "ip link delete, or restart docker.",
        "moby/libnetwork#1765",
    ),
    "H80": Explanation(
        "Published port is taken",
        "Tasks are rejected, or the other process answers.",
        "Another port, or stop the process.",
        "moby service.go",
    ),
}


NOT_OVERRIDABLE = frozenset({"B13", "H31", "H36", "H40", "H41", "H49", "H54"})
"""Without what these ask for there is no plan, or another cluster is at stake."""


def page_of(code: str) -> str:
    """Return the place of *code* in the documentation."""
    return f"docs/checks.md#{code.lower()}"
