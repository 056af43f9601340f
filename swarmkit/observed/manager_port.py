"""Whether managers live at addresses that no known host has, asked from a host that is near. Never writes."""

from __future__ import annotations

from collections.abc import Iterable

from swarmkit.errors import SwarmkitError
from swarmkit.observed.raft import cluster_of
from swarmkit.reach.fleet import ReachedHost

_TIMEOUT_SECONDS = 30.0
# A SYN that is lost is sent again after 1 and after 3 s. Whoever listens shows its certificate to everybody (hosts that
# join have none yet); without openssl it stays unknown whose manager it is. All are asked at once, each a line.
_SCRIPT = """
for tool in bash timeout; do
    command -v "$tool" >/dev/null || { echo "$tool is not there" >&2; exit 1; }
done
ask() {
    timeout 5 bash -c 'exec 3<>"/dev/tcp/$1/2377"' bash "$1" </dev/null 2>/dev/null || return 0
    case $1 in *:*) at="[$1]:2377" ;; *) at="$1:2377" ;; esac
    certificate=$(timeout 5 openssl s_client -connect "$at" -alpn h2 </dev/null 2>/dev/null \\
        | sed -n '/BEGIN CERTIFICATE/,/END CERTIFICATE/p' | tr '\\n' '|')
    echo "answers $1 $certificate"
}
for address; do ask "$address" & done
wait
"""


def answering_managers(reached: ReachedHost, addresses: Iterable[str]) -> dict[str, str]:
    """Return those of *addresses* where tcp/2377 answers, with the cluster of who answers, or nothing if unknown.

    Raises SwarmkitError when the host has no means to ask.
    """
    wanted = tuple(sorted(set(addresses)))
    if not wanted:
        return {}
    result = reached.shell.run(_SCRIPT, wanted, timeout_seconds=_TIMEOUT_SECONDS, root=False)
    if result.exit_code:
        raise SwarmkitError(
            f"{reached.host.name}: cannot ask whether managers live at {', '.join(wanted)}",
            result.stderr.strip(),
            "install bash and coreutils there",
        )
    lines = [line.split(" ", 2) for line in result.stdout.splitlines() if line.startswith("answers ")]
    return {address: cluster_of(certificate.replace("|", "\n")) for _, address, certificate in lines}
