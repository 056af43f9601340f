"""An engine that does not answer because a script of ours has stopped it: it is started again when that script ends.

A run that was killed, or lost its link, has left the script alone with its host, where it goes on to its end.
"""

from __future__ import annotations

from swarmkit.errors import SwarmkitError
from swarmkit.reach.ssh import Connection

PATIENCE_SECONDS = 120
"""How long such a script is waited for: a stop waits for what the tasks' containers take to end."""
LOCKS = ("/run/swarmkit-backup.lock", "/run/swarmkit-restore.lock")
"""What the scripts hold that stop an engine, until it is started again."""
_WAIT = """
seconds=$1
shift
for lock; do
    if [ -r "$lock" ] && ! flock -n "$lock" true; then
        flock -w "$seconds" "$lock" true && echo ended
    fi
done
"""


def waited_for_its_start(connection: Connection) -> bool:
    """Wait until the scripts of ours that have stopped the host's engine are at their end; tell whether there was one.

    Where nothing can be run on the host there is nobody to wait for.
    """
    try:
        said = connection.run(_WAIT, (str(PATIENCE_SECONDS), *LOCKS), timeout_seconds=PATIENCE_SECONDS + 30.0)
    except SwarmkitError:
        return False
    return "ended" in said.stdout.split()
