"""Images on their way into an engine, noted on the host's disk until they lie there whole.

An engine lists an image, and keeps its layers, before the kernel has their files on the disk. Where the power is cut
then, files are empty after the next start; the engine finds no fault in it, lists the image, and takes such a layer for
the one of the next archive that has it (moby image/tarexport, layer/layer_store.go). So an image counts as there once
its note is gone (swarmkit/observed/facts.sh), and one after such a cut is loaded, removed with all its layers, and
loaded again.
"""

from __future__ import annotations

from collections.abc import Mapping

from swarmkit.declared.stack.image_archive import ImageArchive
from swarmkit.errors import SwarmkitError
from swarmkit.observed import parse
from swarmkit.reach.engine import Engine, EngineError
from swarmkit.reach.fleet import ReachedHost

FOLDER = "/var/lib/swarmkit/loads"
NOTE_TIMEOUT_SECONDS = 60.0
SYNC_TIMEOUT_SECONDS = 600.0
# A note is the boot that it was written in and the image's tag. One of an earlier boot stays as it is, and is told.
# Of an image that is there nothing is loaded but its tag ($4). Without root nothing is noted.
_NOTE = """
folder=$1 note=$1/$2
read -r boot </proc/sys/kernel/random/boot_id && mkdir -p "$folder" || exit
for other in "$folder"/*; do
    [ -f "$other" ] || continue
    began='' tag=''
    read -r began tag <"$other"
    [ "$began" = "$boot" ] || echo "${other##*/} $tag"
done
[ -n "$4" ] || [ -f "$note" ] || { echo "$boot $3" >"$note" && sync "$note" "$folder"; }
"""
_SETTLE = """
note=$1/$2
sync -f "$3" 2>/dev/null || sync || exit
[ ! -f "$note" ] || { rm "$note" && sync "$1"; }
"""


def note_load(reached: ReachedHost, archive: ImageArchive) -> dict[str, str]:
    """Note on the host that *archive* is being loaded; return those whose load the power cut: image ID -> tag."""
    there = "there" if is_listed(reached.engine, archive) else ""
    note = (FOLDER, archive.image_id, archive.tags[0], there)
    said = reached.shell.run(_NOTE, note, timeout_seconds=NOTE_TIMEOUT_SECONDS).stdout
    return {words[0]: words[-1] for words in map(str.split, said.splitlines())}


def is_listed(engine: Engine, archive: ImageArchive) -> bool:
    """Tell whether the engine has the image of *archive* by its ID, under whatever name."""
    return any(image["Id"] == archive.image_id for image in engine.find("images"))


def settle_load(reached: ReachedHost, archive: ImageArchive) -> None:
    """See that what the engine has loaded is on the host's disk, and take the note of *archive* away."""
    root = str(reached.engine.info().get("DockerRootDir") or "/var/lib/docker")
    done = reached.shell.run(_SETTLE, (FOLDER, archive.image_id, root), timeout_seconds=SYNC_TIMEOUT_SECONDS)
    if done.exit_code != 0:
        name = reached.host.name
        raise SwarmkitError(
            f"{name}: image {archive.tags[0]} was loaded, but may not be on the disk yet",
            done.stderr.strip()[-300:],
            f"see dmesg on {name}, then run the same again: it sends it anew",
        )


def take_away(engine: Engine, images: Mapping[str, str]) -> None:
    """Remove *images*, ID -> tag, with the layers that no other image has; one that is not there is fine.

    Raises SwarmkitError where a container uses one: its layers would stay.
    """
    names = set(images.values() if parse.has_content_store(engine.info()) else images)
    for image in engine.find("images"):
        tags = [str(tag) for tag in image.get("RepoTags") or () if tag != "<none>:<none>"]
        if not names & {image["Id"], *tags}:
            continue
        try:
            # The last tag takes the image with it; forced, an image's ID would go and its layers stay with a container.
            for name in tags or [str(image["Id"])]:
                engine.remove("images", name)
        except EngineError as error:
            shown = tags[0] if tags else str(image["Id"])
            raise SwarmkitError(
                f"{engine.host}: image {shown} has to be sent anew, as the power was cut while it was loaded",
                error.message,
                f"on {engine.host}: remove the containers that use it (docker ps -a), then run the same again",
            ) from error
