"""Operations that put a backup's data back into a volume; the swarm keeps in a label which data went into which."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from swarmkit.errors import SwarmkitError
from swarmkit.observed.model import DATA_LABEL, FILLED_LABEL
from swarmkit.observed.volumes import WHOLE_FILE
from swarmkit.plan.context import Context
from swarmkit.plan.data.attributes import KEEPING, not_kept
from swarmkit.plan.data.taking import IDLE_SECONDS, running_container
from swarmkit.plan.model import Step
from swarmkit.plan.nodes.changed_swarm import label_swarm, unlabel_swarm
from swarmkit.reach.engine import Engine
from swarmkit.reach.fleet import ReachedHost
from swarmkit.reach.ssh import CommandResult

_LOAD_SECONDS = 4 * 3600.0
"""How long a command may say nothing while it reads a dump."""
# All of it has arrived and is what was sent before the command sees the first byte: a link that breaks loads no half.
_LOAD = """
set -eu
umask 077
sha256=$1 whole=$2 backup=$3 volume=$4
shift 4
trap 'exit 1' HUP INT TERM
file=$(mktemp /var/tmp/swarmkit-data.XXXXXX)
exec 3>"$file" 4<"$file" 5<"$file"
# Open, and in no folder any more: whatever ends this, a power cut too, leaves nothing.
rm "$file"
cat >&3
test "$(sha256sum <&4 | cut -c 1-64)" = "$sha256" || { echo "what arrived is not what was sent" >&2; exit 1; }
# A run that lost its link may still be at it here; its command holds the lock, too. Taken when all has arrived: one
# whose link hangs would keep it.
exec 9>"/run/swarmkit-data.$volume.lock"
flock -w 120 9 || { echo "another run is giving the database this dump still; wait until it has ended" >&2; exit 1; }
test "$(cat "$whole" 2>/dev/null)" != "$backup" || exit 0
docker exec -i "$@" <&5 >/dev/null
echo "$backup" >"$whole"
"""
# tar ends well, too, where its input ends between two files: only the sum tells that nothing was cut off.
_FILL = f"""
set -eu
{KEEPING}folder=$1 whole=$2 backup=$3 sha256=$4
rm -f "$whole"
find "$folder" -mindepth 1 -delete </dev/null
arrived=$({{
    {{ tee /proc/self/fd/3 | sha256sum | cut -c 1-64 >&4; }} 3>&1 |
        tar -C "$folder" $keep --numeric-owner -xpf - >&2 || echo "; tar failed"
}} 4>&1)
test "$arrived" = "$sha256" || {{ echo "what arrived is not what was sent, or could not be unpacked" >&2; exit 1; }}
# Busybox's tar ends well, and leaves there what GNU tar keeps of such a file: the list of its parts, and these.
if [ -z "$keep" ] && find "$folder" -type d -name 'GNUSparseFile.*' </dev/null | grep -q .; then
    echo "its tar cannot read files with holes: install GNU tar there" >&2
    exit 1
fi
# Before it is called whole: a power cut would leave files empty whose data was not on the disk yet.
sync -f "$folder"
echo "$backup" >"$whole"
"""


@dataclass(frozen=True)
class VolumeData:
    """A volume's data in a backup, and how it goes back."""

    name: str
    service: str
    """As the swarm names it."""
    restore: tuple[str, ...]
    """Command in the service's container that reads the dump; empty: the data are the volume's files."""
    dependents: tuple[str, ...]
    driver: str
    options: Mapping[str, str]
    labels: Mapping[str, str]
    backup: str
    """Identity of the backup."""
    taken_at: str
    size_bytes: int
    sha256: str
    stream: Callable[[], Iterator[bytes]] = field(repr=False, compare=False)


@dataclass(frozen=True)
class MakeVolume:
    """Make the volume before its service does, marked as one that waits for a backup's data; files go in at once."""

    step: Step
    host: str
    data: VolumeData
    was_in: bool = False
    """Whether the swarm has the data noted as being in a volume that is lost."""

    def run(self, context: Context) -> str:
        reached, data = context.reached(self.host), self.data
        if self.was_in:
            # Else one that is cut off before the data is in would be taken for whole.
            unlabel_swarm(context.manager, f"{DATA_LABEL}{data.name}")
        found = [one for one in reached.engine.find("volumes", {"name": [data.name]}) if one["Name"] == data.name]
        if found and (found[0].get("Labels") or {}).get(FILLED_LABEL) != data.backup:
            raise SwarmkitError(
                f"{self.host}: there is a volume {data.name} already",
                "it was not made for this backup's data",
                "it was not touched; run the same again to see what is there",
            )
        if not found:
            labels = {**data.labels, FILLED_LABEL: data.backup}
            body = {"Name": data.name, "Driver": data.driver, "DriverOpts": dict(data.options), "Labels": labels}
            reached.engine.create("volumes", body)
        return "" if data.restore else self._fill(reached)

    def _fill(self, reached: ReachedHost) -> str:
        folder, whole = places(reached, self.data.name)
        arguments = (folder, whole, self.data.backup, self.data.sha256)
        result = reached.shell.pipe(_FILL, arguments, source=self.data.stream(), idle_seconds=IDLE_SECONDS)
        _check(result, f"{self.host}: could not fill volume {self.data.name}")
        return f"{self.data.size_bytes} bytes{not_kept(result.stderr)}"


@dataclass(frozen=True)
class LoadDump:
    """Give a dump to the command in the running service's container, and note that it is in."""

    step: Step
    host: str
    data: VolumeData

    def run(self, context: Context) -> str:
        reached, data = context.reached(self.host), self.data
        container = running_container(reached, data.service)
        whole = places(reached, data.name)[1]
        arguments = (data.sha256, whole, data.backup, data.name, container, *data.restore)
        result = reached.shell.pipe(_LOAD, arguments, source=data.stream(), idle_seconds=_LOAD_SECONDS)
        _check(result, f"{self.host}: {data.restore[0]} could not read the dump of {data.name}")
        mark(context.manager, data)
        return f"{data.size_bytes} bytes"


@dataclass(frozen=True)
class MarkFilled:
    """Note that a volume whose files went in before its service started holds them all."""

    step: Step
    data: VolumeData

    def run(self, context: Context) -> str:
        mark(context.manager, self.data)
        return ""


def places(reached: ReachedHost, volume: str) -> tuple[str, str]:
    """Return a volume's folder, and the file beside it that says which backup's data went into it to the end."""
    folder = str(reached.engine.inspect("volumes", volume)["Mountpoint"])
    return folder, str(PurePosixPath(folder).parent / WHOLE_FILE)


def mark(manager: Engine, data: VolumeData) -> None:
    """Keep in the swarm's own labels that the data is in: who looks later knows that the volume is not empty."""
    label_swarm(manager, {f"{DATA_LABEL}{data.name}": data.backup})


def _check(result: CommandResult, what: str) -> None:
    if result.exit_code != 0:
        raise SwarmkitError(
            what,
            result.stderr.strip()[-500:] or f"exit code {result.exit_code}",
            "what depends on the data was not started; correct it and run the same again",
        )
