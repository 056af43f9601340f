"""Codes of the way in: SSH servers, users and keys. Host keys that are not trusted never get so far."""

from __future__ import annotations

from swarmkit.finding import Explanation

SSH: dict[str, Explanation] = {
    "S08": Explanation(
        "sudo does not make root",
        "Commands hang or end with 'a password is required' or 'you must have a tty'.",
        "sudo wants a password, has requiretty, or admits some commands only.",
        "NOPASSWD: ALL for the user, or --ask-become-pass; `Defaults !requiretty`.",
        "sudoers(5)",
    ),
    "S09": Explanation(
        "Not root on the host",
        "Half of the checks are silent there.",
        "The user is in the docker group, which opens the engine and neither the kernel nor raw sockets.",
        "ansible_become: true",
        "Docker documentation, Linux post-installation steps",
    ),
    "S13": Explanation(
        "Login shell that talks",
        "scp ends without a word; scripts read greetings as answers.",
        ".bashrc or a profile prints text in shells that are not interactive.",
        "Print only where $- has an i.",
        "OpenSSH FAQ 2.9",
    ),
    "S14": Explanation(
        "SSH server with tight limits",
        "'Error reading SSH protocol banner', or channels that are refused.",
        "MaxStartups or MaxSessions were set below their defaults.",
        "The defaults: MaxSessions 10, MaxStartups 10:30:100.",
        "paramiko/paramiko#664, sshd_config(5)",
    ),
    "S20": Explanation(
        "Weak SSH",
        "None: somebody on the way can cut messages out, or break the cipher.",
        "A server before strict key exchange, or algorithms that were taken back into sshd_config.",
        "Upgrade openssh-server; remove the algorithms.",
        "CVE-2023-48795",
    ),
    "S22": Explanation(
        "A private key that others can read",
        "None, until somebody is the host, or a node of the swarm, in its place.",
        "A copy or a role with the wrong mode.",
        "chmod 600, and a new key.",
        "sshd(8), StrictModes",
    ),
}
