"""Codes of the encrypted data plane: kernels, engines and cards between two containers."""

from __future__ import annotations

from swarmkit.finding import Explanation

ENCRYPTION: dict[str, Explanation] = {
    "H01": Explanation(
        "Engine accepts clear frames into encrypted overlays",
        "None: others can inject frames, or the network works in clear.",
        "Engines before 20.10.24 and 23.0.3 put the rule that drops clear frames behind others, or go on without it.",
        "Upgrade to 20.10.24, 23.0.3 or newer.",
        "CVE-2023-28840, CVE-2023-28841, CVE-2023-28842",
    ),
    "H04": Explanation(
        "Kernel cannot carry an encrypted overlay",
        "Docker reports success; packets between hosts vanish.",
        "The kernel has no ESP, no AES-GCM, no xt_bpf (before 24.0: nor xt_u32), no xt_policy or no VXLAN; the engine "
        "only warns. Or nobody could try it: the login is not root.",
        "What the finding tells of its module: take out the line of /etc/modprobe.d that forbids it, install its "
        "package, or run a kernel with the option. Of a kernel that was not tried: ansible_become: true.",
        "moby overlay/encryption.go: a failed state is only a warning",
    ),
    "H05": Explanation(
        "Engines 29.0.0 to 29.2.0, or 25.0.14, beside others",
        "Names resolve, encrypted connections time out.",
        "These versions compute other SPIs from the same addresses than all others.",
        "Upgrade all engines to 29.2.1 or newer, those of 25.0 to 25.0.15 or newer.",
        "moby/moby#51798, moby/moby#51672, moby/moby#51963",
    ),
    "H06": Explanation(
        "IP protocol 50 does not pass",
        "Names resolve, every connection over an encrypted overlay times out.",
        "A firewall or a security group admits TCP and UDP only. One that keeps track of connections lets ESP in as an "
        "answer to the host's own, and closes again when nothing was sent for ten minutes: found by its rules.",
        "Admit protocol esp (50) between all hosts, in host firewalls and in security groups.",
        "docker/docs#8640, moby/moby#27425",
    ),
    "H07": Explanation(
        "A port between hosts does not pass",
        "Joins fail (2377), names are missing (7946), containers do not reach each other (4789).",
        "A firewall, a firewalld zone without the port, or a security group, often in one direction or for UDP alone; "
        "where nothing at all passes, told in one finding: a cable, a route, or a firewall that drops all of it. A "
        "warning where nothing was tried: without perl and python3, and of a host that others reach by IPv6.",
        "Open tcp/2377 to managers, tcp and udp/7946 and the data-path port between all hosts.",
        "Docker documentation, overlay networks; moby/moby#45280",
    ),
    "H08": Explanation(
        "Own data-path port with encryption",
        "Nothing passes over encrypted overlays.",
        "The IPsec policies of engines before 23.0.7 and 24.0.3 name port 4789 whatever the port is.",
        "Upgrade to 23.0.7, 24.0.3 or newer, or use the default port.",
        "moby/moby#45636",
    ),
    "H09": Explanation(
        "Hypervisor swallows VXLAN",
        "Small pings between containers pass, anything larger is lost.",
        "VMware's guest introspection handles port 4789 as its own.",
        "`swarm_data_path_port: 7789` before the swarm is made (it cannot change later), or stop the agent.",
        "vmware/guest-introspection-nsx#25",
    ),
    "H10": Explanation(
        "vmxnet3 checksum offload",
        "Ping between containers works, TCP and UDP do not.",
        "The card computes wrong checksums for what is inside VXLAN.",
        "ethtool -K DEVICE tx-checksum-ip-generic off; where that was not read, it is told as such.",
        "moby/moby#41775",
    ),
    "H11": Explanation(
        "Path MTU below 1500",
        "Small answers pass; TLS handshakes and query results hang.",
        "Docker reckons with links of 1500 bytes; clouds and VPNs have fewer.",
        "Set com.docker.network.driver.mtu of the networks to the path's MTU; ingress anew: the finding tells how.",
        "moby overlay maxMTU, moby/libnetwork#2661",
    ),
    "H12": Explanation(
        "Overlay over IPv6",
        "Full-size frames are lost.",
        "An IPv6 header is 20 bytes larger than the one Docker reckons with.",
        "Subtract 20 from com.docker.network.driver.mtu.",
        "moby overlay maxMTU",
    ),
    "H13": Explanation(
        "Different MTUs on the hosts",
        "Large payloads hang in one direction.",
        "One host sends larger frames than another's link takes. A warning where no overlay's are as large.",
        "The same MTU on all data links.",
        "moby/moby#33133",
    ),
    "H14": Explanation(
        "Windows host",
        "Its traffic is in clear or absent, without an error.",
        "Encrypted overlays are not supported on Windows.",
        "Keep encrypted networks on Linux hosts.",
        "Docker documentation, overlay networks",
    ),
    "H17": Explanation(
        "Address translated between hosts",
        "Nothing passes over overlays.",
        "SPIs and tunnel ends are computed from advertised addresses, and the peer sees another one.",
        "Advertise addresses that the peers see unchanged, or use a VPN between the hosts.",
        "moby/moby#31677",
    ),
    "H18": Explanation(
        "Another IPsec user",
        "After its restart packets vanish or leave in clear.",
        "strongSwan, Cilium and others flush all states, Docker's too, or have policies that match first.",
        "swarmkit verify after each restart of it; restart docker where it says so.",
        "moby overlay/encryption.go clearEncryptionStates",
    ),
    "H19": Explanation(
        "Very many containers a host",
        "Overlay networks get unstable.",
        "Bridge ports and gossip grow with each container.",
        "More hosts.",
        "moby/moby#44973",
    ),
    "H20": Explanation(
        "No IPVS, or no routing mesh",
        "Task addresses answer, service addresses and published ports do not.",
        "The kernel has no ip_vs, or refuses the rules of iptables that lead to it.",
        "As for H04; then restart an engine that is in a swarm: it looks for IPVS once.",
        "moby service_linux.go, moby/moby#24005",
    ),
    "H21": Explanation(
        "Idle connections behind a service address",
        "A pool's first query after a quiet quarter of an hour hangs or gets 'connection reset'.",
        "IPVS forgets a connection that was idle for 900 s, the kernel's keepalive begins after 7200.",
        "sysctls: {net.ipv4.tcp_keepalive_time: 300} on the service, or endpoint_mode: dnsrr.",
        "moby/moby#31208, docker-library/postgres#1110",
    ),
    "H22": Explanation(
        "Kernel modules that newer engines need",
        "After an upgrade to 28.0 or newer dockerd does not start, or ports of containers are open to the LAN; after "
        "one to 24.0 encrypted overlays carry nothing.",
        "Slim kernels lack ip_set, ip_set_hash_net, xt_set or iptable_raw; or xt_bpf, for which engines before 24.0 "
        "take xt_u32.",
        "Install the kernel's extra modules before the engine's upgrade.",
        "moby/moby#49503, moby/moby#49621",
    ),
    "H23": Explanation(
        "nftables backend",
        "The engine refuses swarm init and join; from 29.6 on, with its feature swarm-nftables, `verify` never proves "
        "V06, V10 and V12.",
        "Swarm mode needs iptables; with that feature the marks and drops of encrypted overlays are in tables of "
        "nftables, which `verify` does not read.",
        'Use the iptables backend: "firewall-backend": "iptables" in /etc/docker/daemon.json.',
        "moby config_linux.go",
    ),
}
