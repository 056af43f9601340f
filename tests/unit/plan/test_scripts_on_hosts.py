"""Scripts that swarmkit runs on hosts, run here by sh: what they leave when the power goes at a moment."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import io
import os
import signal
import struct
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from swarmkit.observed import raft
from swarmkit.plan.data import putting
from swarmkit.plan.data import taking as volume_taking
from swarmkit.plan.data.attributes import not_kept
from swarmkit.plan.engines.unit import engine_script
from swarmkit.reach.retry import wait_until

BACKUP = "prod 2026-01-01"


def run(folder: Path, script: str, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run *script* with the programs of *folder*/bin before those of this machine."""
    command = ["sh", "-c", script, "sh", *arguments]
    environment = {"PATH": f"{folder}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "FOLDER": str(folder)}
    return subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=60, env=environment)


def program(folder: Path, name: str, text: str) -> None:
    """Put a program that stands for the host's into *folder*/bin."""
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin" / name).write_text(f"#!/bin/sh\n{text}")
    (folder / "bin" / name).chmod(0o755)


def packed(content: bytes) -> str:
    """Return a swarm's state as a backup has it, in base64."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        entry = tarfile.TarInfo("swarm/docker-state.json")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return base64.encodebytes(packed.getvalue()).decode()


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A folder with a root folder of Docker's; its systemctl notes what is in there each time the engine starts."""
    (tmp_path / "root" / "swarm").mkdir(parents=True)
    (tmp_path / "root" / "swarm" / "docker-state.json").write_text("before")
    program(
        tmp_path, "systemctl", 'case $1 in is-active) echo inactive ;; start) ls "$FOLDER/root" >"$FOLDER/seen" ;; esac'
    )
    return tmp_path


def put_state(host: Path, *again: str) -> subprocess.CompletedProcess[bytes]:
    script = engine_script("put-state.sh", packed(b"after")).replace("/run/swarmkit-restore.lock", f"{host}/lock")
    return run(host, script, f"{host}/root", "swarm.before", BACKUP, *again)


def test_a_state_is_put_in_place_and_nothing_else_lies_there_when_the_engine_starts(host: Path) -> None:
    done = put_state(host)
    assert (done.returncode, done.stdout.decode()) == (0, f"{host}/root/swarm.before\n"), done.stderr
    assert (host / "seen").read_text().split() == ["swarm", "swarm.before"]
    assert (host / "root" / "swarm" / "docker-state.json").read_text() == "after"
    assert (host / "root" / "swarm.before" / "docker-state.json").read_text() == "before"
    assert sorted(path.name for path in (host / "root").iterdir()) == ["swarm", "swarm.before"]


def test_what_a_power_cut_left_is_removed_though_the_state_is_in_its_place(host: Path) -> None:
    (host / "root" / "swarm" / "swarmkit.restore").write_text(f"{BACKUP}\n")
    (host / "root" / "swarmkit-restore.a1B2c3").mkdir()
    (host / "root" / "swarmkit-restore.a1B2c3" / "swarm.tar.gz").touch()
    assert put_state(host).returncode == 0
    assert [path.name for path in (host / "root").iterdir()] == ["swarm"]
    assert (host / "root" / "swarm" / "docker-state.json").read_text() == "before"


def test_a_state_in_place_that_does_not_start_goes_aside_for_the_same_one(host: Path) -> None:
    (host / "root" / "swarm" / "swarmkit.restore").write_text(f"{BACKUP}\n")
    assert put_state(host, "again").returncode == 0
    assert (host / "root" / "swarm" / "docker-state.json").read_text() == "after"
    assert (host / "root" / "swarm.before" / "docker-state.json").read_text() == "before"


def test_a_state_whose_engine_does_not_start_goes_back_and_leaves_nothing(host: Path) -> None:
    fails_once = '[ -e "$FOLDER/again" ] || { touch "$FOLDER/again"; exit 1; }'
    program(host, "systemctl", f"case $1 in is-active) echo inactive ;; start) {fails_once} ;; esac")
    assert put_state(host).returncode != 0
    assert sorted(path.name for path in (host / "root").iterdir()) == ["swarm"]
    assert (host / "root" / "swarm" / "docker-state.json").read_text() == "before"


def test_an_engine_that_was_started_too_often_in_a_minute_is_started_all_the_same(host: Path) -> None:
    limited = '[ -e "$FOLDER/anew" ] || { echo "start of the service was attempted too often" >&2; exit 1; }'
    starts = f'start | restart) {limited}; rm "$FOLDER/anew" ;;'
    program(
        host, "systemctl", f'case $1 in is-active) echo inactive ;; reset-failed) touch "$FOLDER/anew" ;; {starts} esac'
    )
    assert put_state(host).returncode == 0
    (host / "tmp").mkdir()
    assert run(host, taking(host), f"{host}/root").returncode == 0
    assert run(host, put_back(host), f"{host}/root", "swarm.before", "swarm.kept").stdout.decode() == (
        f"{host}/root/swarm.kept\n"
    )


def put_back(host: Path) -> str:
    return engine_script("put-back.sh").replace("/run/swarmkit-restore.lock", f"{host}/lock")


def taking(host: Path) -> str:
    script = engine_script("take-state.sh")
    for outside in ("/var/tmp/", "/run/"):
        assert outside in script
        script = script.replace(outside, f"{host}/tmp/" if outside == "/var/tmp/" else f"{host}/")
    return script


def begin_taking(host: Path, stdout: int | None = None) -> subprocess.Popen[bytes]:
    """Return the script on its way, which leads a group of processes of its own."""
    command = ["sh", "-c", taking(host), "sh", f"{host}/root"]
    environment = {"PATH": f"{host}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "FOLDER": str(host)}
    return subprocess.Popen(command, env=environment, start_new_session=True, stdout=stdout)


def test_a_state_is_taken_without_the_copy_that_a_power_cut_left(host: Path) -> None:
    (host / "tmp" / "swarmkit-backup.a1B2c3" / "swarm").mkdir(parents=True)
    (host / "tmp" / "other").touch()
    done = run(host, taking(host), f"{host}/root")
    assert done.returncode == 0, done.stderr
    first, _, encoded = done.stdout.partition(b"\n")
    assert first.split()[::2] == [b"stopped", b"since", b"ended", b"copied"]
    stopped, _, ended, copied = map(int, first.split()[1::2])
    assert 0 <= ended + copied <= stopped < 60_000
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(encoded))) as tar:
        assert tar.getnames() == ["swarm", "swarm/docker-state.json"]
    assert [path.name for path in (host / "tmp").iterdir()] == ["other"]


def test_an_engine_is_not_stopped_for_a_copy_that_finds_no_room(host: Path) -> None:
    (host / "tmp").mkdir()
    program(host, "df", 'printf "   Avail\\n       3\\n"')
    program(host, "systemctl", 'echo "$@" >>"$FOLDER/asked"; echo inactive')
    done = run(host, taking(host), f"{host}/root")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"has 0 MB free, the copy may need" in done.stderr
    assert not (host / "asked").exists()
    assert [*(host / "tmp").iterdir()] == []


def test_the_copy_of_a_backup_that_was_killed_goes_with_the_next_one(host: Path) -> None:
    (host / "tmp").mkdir()
    program(host, "cp", '/bin/cp "$@"; touch "$FOLDER/copied"; exec sleep 60')
    killed = begin_taking(host)
    wait_until((host / "copied").exists, bool, timeout_seconds=20)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert [*(host / "tmp").glob("*/swarm/docker-state.json")]
    (host / "bin" / "cp").unlink()
    assert run(host, taking(host), f"{host}/root").returncode == 0
    assert [*(host / "tmp").iterdir()] == []


def test_no_copy_is_left_by_a_backup_whose_run_is_gone_when_it_prints(host: Path) -> None:
    (host / "tmp").mkdir()
    reading, writing = os.pipe()
    alone = begin_taking(host, stdout=writing)
    os.close(reading)
    os.close(writing)
    assert alone.wait(timeout=60) != 0
    assert [*(host / "tmp").iterdir()] == []


def test_the_copy_of_a_backup_that_lost_its_link_and_goes_on_is_left_to_it(host: Path) -> None:
    (host / "tmp" / "swarmkit-backup.a1B2c3").mkdir(parents=True)
    with (host / "swarmkit-backup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = begin_taking(host)
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(timeout=0.5)
        assert [path.name for path in (host / "tmp").iterdir()] == ["swarmkit-backup.a1B2c3"]
    assert second.wait(timeout=60) == 0
    assert [*(host / "tmp").iterdir()] == []


def test_a_backup_whose_run_reads_nothing_holds_up_no_other_and_leaves_no_copy(host: Path) -> None:
    """Its sshd may believe in a dead link for a quarter of an hour, and the lock was held so long."""
    (host / "root" / "swarm" / "large").write_bytes(os.urandom(1_000_000))
    (host / "tmp").mkdir()
    stalled = begin_taking(host, stdout=subprocess.PIPE)
    assert stalled.stdout
    first = stalled.stdout.readline()
    assert first.startswith(b"stopped ")
    assert run(host, taking(host), f"{host}/root").returncode == 0
    assert stalled.poll() is None
    assert [*(host / "tmp").iterdir()] == []
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(stalled.stdout.read()))) as tar:
        assert sorted(tar.getnames()) == ["swarm", "swarm/docker-state.json", "swarm/large"]
    assert stalled.wait(timeout=60) == 0


def loading(folder: Path, wait_seconds: int = 120) -> str:
    script = putting._LOAD
    for of_hosts, here in (
        ("/var/tmp/", f"{folder}/tmp/"),
        ("/run/", f"{folder}/"),
        ("-w 120 ", f"-w {wait_seconds} "),
    ):
        assert of_hosts in script
        script = script.replace(of_hosts, here)
    return script


def load(folder: Path, sha256: str, wait_seconds: int = 120) -> subprocess.CompletedProcess[bytes]:
    """Send a dump to the script that gives it to a container's command, here `read it`."""
    arguments = (sha256, f"{folder}/whole", BACKUP, "s_data", "c1", "read", "it")
    return run(folder, loading(folder, wait_seconds), *arguments, stdin=DUMP)


DUMP = b"insert\n" * 100_000


@pytest.fixture
def container(tmp_path: Path) -> Path:
    """A folder whose docker keeps what it reads, and what lies in the temporary folder meanwhile."""
    (tmp_path / "tmp").mkdir()
    program(tmp_path, "docker", 'echo "$@" >"$FOLDER/asked"; ls -A "$FOLDER/tmp" >"$FOLDER/seen"; cat >"$FOLDER/read"')
    return tmp_path


def test_a_dump_is_read_whole_from_a_file_that_no_power_cut_can_leave(container: Path) -> None:
    done = load(container, hashlib.sha256(DUMP).hexdigest())
    assert done.returncode == 0, done.stderr
    assert (container / "read").read_bytes() == DUMP
    assert (container / "asked").read_text() == "exec -i c1 read it\n"
    assert (container / "seen").read_text() == ""
    assert (container / "whole").read_text() == f"{BACKUP}\n"


def test_a_dump_that_arrived_otherwise_is_given_to_no_command(container: Path) -> None:
    done = load(container, hashlib.sha256(DUMP + b"commit\n").hexdigest())
    assert done.returncode == 1
    assert b"what arrived is not what was sent" in done.stderr
    assert not (container / "read").exists()
    assert not (container / "whole").exists()
    assert list((container / "tmp").iterdir()) == []


def test_a_command_that_fails_leaves_the_volume_not_whole(container: Path) -> None:
    program(container, "docker", "cat >/dev/null; exit 3")
    assert load(container, hashlib.sha256(DUMP).hexdigest()).returncode == 3
    assert not (container / "whole").exists()


@pytest.fixture
def reading(container: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run that lost its link while the command reads the dump: the command goes on until there is a file `go`."""
    program(
        container,
        "docker",
        'echo begun >>"$FOLDER/runs"; cat >/dev/null; until [ -e "$FOLDER/go" ]; do sleep 0.05; done',
    )
    command = ["sh", "-c", loading(container), "sh", hashlib.sha256(DUMP).hexdigest(), f"{container}/whole", BACKUP]
    environment = {"PATH": f"{container}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "FOLDER": str(container)}
    (container / "dump").write_bytes(DUMP)
    with (container / "dump").open("rb") as dump:
        process = subprocess.Popen([*command, "s_data", "c1", "read", "it"], env=environment, stdin=dump)
    wait_until((container / "runs").exists, bool, timeout_seconds=20)
    yield process
    (container / "go").touch()
    process.wait(timeout=20)


def test_no_second_run_gives_a_database_the_dump_that_it_is_reading(
    container: Path, reading: subprocess.Popen[bytes]
) -> None:
    """Two commands at once would mix their tables."""
    second = load(container, hashlib.sha256(DUMP).hexdigest(), wait_seconds=0)
    assert second.returncode == 1
    assert b"another run is giving the database this dump still" in second.stderr
    assert not (container / "whole").exists()
    assert (container / "runs").read_text() == "begun\n"
    (container / "go").touch()
    assert reading.wait(timeout=20) == 0
    assert load(container, hashlib.sha256(DUMP).hexdigest()).returncode == 0
    assert (container / "runs").read_text() == "begun\n"


def test_a_command_goes_on_alone_though_what_started_it_was_killed(
    container: Path, reading: subprocess.Popen[bytes]
) -> None:
    reading.kill()
    reading.wait(timeout=20)
    assert load(container, hashlib.sha256(DUMP).hexdigest(), wait_seconds=0).returncode == 1
    (container / "go").touch()
    assert load(container, hashlib.sha256(DUMP).hexdigest(), wait_seconds=20).returncode == 0
    # It has ended, and nobody noted how.
    assert (container / "runs").read_text() == "begun\nbegun\n"


def tree(folder: Path) -> bytes:
    """Return a volume's files as a backup has them, each of them one block of data long."""
    (folder / "files").mkdir()
    for number in range(40):
        (folder / "files" / f"f{number:02}").write_bytes(bytes([number]) * 400)
    command = ["tar", "-C", str(folder / "files"), "-S", "--numeric-owner", "--sort=name", "-cf", "-", "."]
    return subprocess.run(command, capture_output=True, check=True).stdout


def fill(folder: Path, sent: bytes, sha256: str) -> subprocess.CompletedProcess[bytes]:
    (folder / "_data").mkdir(exist_ok=True)
    return run(folder, putting._FILL, f"{folder}/_data", f"{folder}/whole", BACKUP, sha256, stdin=sent)


def test_a_volumes_files_that_all_arrived_are_whole_and_nothing_else_is_there(tmp_path: Path) -> None:
    content = tree(tmp_path)
    (tmp_path / "_data").mkdir()
    (tmp_path / "_data" / ".of-a-run-before").touch()
    done = fill(tmp_path, content, hashlib.sha256(content).hexdigest())
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    assert sorted(path.name for path in (tmp_path / "_data").iterdir()) == [f"f{number:02}" for number in range(40)]
    assert (tmp_path / "_data" / "f39").read_bytes() == bytes([39]) * 400
    assert (tmp_path / "whole").read_text() == f"{BACKUP}\n"


@pytest.mark.parametrize("kept", [0, 512, 11 * 1024, 11 * 1024 + 512, 11 * 1024 + 700, 41 * 1024])
def test_files_that_were_cut_off_on_their_way_are_not_whole(tmp_path: Path, kept: int) -> None:
    """tar does not mind an input that ends where a file has ended."""
    content = tree(tmp_path)
    (tmp_path / "whole").write_text(f"{BACKUP}\n")
    done = fill(tmp_path, content[:kept], hashlib.sha256(content).hexdigest())
    assert done.returncode == 1
    assert b"what arrived is not what was sent" in done.stderr
    assert not (tmp_path / "whole").exists()


def test_files_that_could_not_be_unpacked_are_not_whole(tmp_path: Path) -> None:
    content = tree(tmp_path)
    program(tmp_path, "tar", "cat >/dev/null; echo 'No space left on device' >&2; exit 2")
    done = fill(tmp_path, content, hashlib.sha256(content).hexdigest())
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr
    assert not (tmp_path / "whole").exists()


def copy(folder: Path) -> subprocess.CompletedProcess[bytes]:
    return run(folder, volume_taking._TAR, f"{folder}/files")


# Owner and group as any file, and a user of the number 1000 who may read: the kernel's own form of an ACL.
_ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *entry)
    for entry in ((1, 6, 2**32 - 1), (2, 4, 1000), (4, 4, 2**32 - 1), (16, 4, 2**32 - 1), (32, 0, 2**32 - 1))
)


def test_a_volumes_copy_comes_back_with_its_acls_and_extended_attributes(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "one").touch()
    os.setxattr(tmp_path / "files" / "one", "user.note", b"kept")
    os.setxattr(tmp_path / "files" / "one", "system.posix_acl_access", _ACL)
    copied = copy(tmp_path)
    assert (copied.returncode, copied.stderr) == (0, b"")
    filled = fill(tmp_path, copied.stdout, hashlib.sha256(copied.stdout).hexdigest())
    assert (filled.returncode, filled.stderr) == (0, b"")
    back = tmp_path / "_data" / "one"
    assert os.getxattr(back, "user.note") == b"kept"
    assert os.getxattr(back, "system.posix_acl_access") == _ACL


def test_a_tar_that_keeps_no_attributes_copies_the_files_and_is_told(tmp_path: Path) -> None:
    """As busybox's, which ends at an option that it does not know."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "one").write_text("one")
    program(tmp_path, "tar", 'case "$*" in *xattrs* | *-S*) exit 1 ;; esac\nexec /bin/tar "$@"')
    copied = copy(tmp_path)
    assert copied.returncode == 0
    assert not_kept(copied.stderr.decode()) == "; its tar keeps no ACLs and extended attributes"
    filled = fill(tmp_path, copied.stdout, hashlib.sha256(copied.stdout).hexdigest())
    assert (filled.returncode, not_kept(filled.stderr.decode())) == (0, not_kept(copied.stderr.decode()))
    assert (tmp_path / "_data" / "one").read_text() == "one"
    assert not_kept("") == ""


@pytest.mark.parametrize("with_holes", [True, False])
def test_a_tar_that_takes_a_file_with_holes_for_its_parts_fills_no_volume(tmp_path: Path, *, with_holes: bool) -> None:
    """As busybox's, seen with 1.35: it ends well, and has written the list of such a file's parts, and these."""
    (tmp_path / "files").mkdir()
    with (tmp_path / "files" / "one").open("wb") as file:
        file.seek(20_000_000 if with_holes else 0)
        file.write(b"one")
    copied = copy(tmp_path)
    assert (copied.returncode, copied.stderr) == (0, b"")
    as_busybox = (
        'case "$*" in *xattrs*) exit 1 ;; esac\ncat >"$FOLDER/sent"\n/bin/tar "$@" <"$FOLDER/sent"\n'
        'if grep -q GNU.sparse "$FOLDER/sent"; then mkdir "$2/GNUSparseFile.7"; mv "$2/one" "$2/GNUSparseFile.7"; fi'
    )
    program(tmp_path, "tar", as_busybox)
    filled = fill(tmp_path, copied.stdout, hashlib.sha256(copied.stdout).hexdigest())
    assert (filled.returncode, (tmp_path / "whole").exists()) == ((1, False) if with_holes else (0, True))
    assert (b"its tar cannot read files with holes: install GNU tar there" in filled.stderr) == with_holes


def test_a_lock_that_was_taken_off_is_known_until_the_engine_writes_its_key_anew(host: Path) -> None:
    """A recovery that was killed after it: the next has to know that the manager locks, and nothing else tells it."""
    folder = host / "root" / "swarm" / "certificates"
    folder.mkdir()
    key = folder / "swarm-node.key"
    key.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    (folder / "swarm-node.key.a1B2c3").write_text("a key in clear that a power cut left")
    program(host, "journalctl", "")

    def known() -> raft.RaftFacts:
        return raft.parse_raft(run(host, raft._SCRIPT, f"{host}/root").stdout.decode())

    assert (known().locks, known().lock_is_off) == (True, False)
    taken = run(host, engine_script("take-lock-off.sh", "-----BEGIN PRIVATE KEY-----\n"), f"{host}/root", "keep")
    assert taken.returncode == 0, taken.stderr
    assert [path.name for path in folder.iterdir()] == ["swarm-node.key"]
    assert (known().locks, known().lock_is_off) == (False, True)
    key.write_text("-----BEGIN PRIVATE KEY-----\nkek-version: 9\n")
    assert (known().locks, known().lock_is_off) == (False, False)


@pytest.mark.parametrize(
    ("since", "index"),
    [
        ("", 0),
        ("[logterm: 2, index: 37] sent MsgVote request to 3 at term 5", 37),
        ("[logterm: 2, index: 37] sent MsgPreVote request to 3 at term 5\nraft.node: 1 elected leader 3 at term 5", 0),
    ],
)
def test_how_far_a_log_is_tells_no_election_of_before(host: Path, since: str, index: int) -> None:
    """A locked manager asks for no votes, and one that lost its leader just now not yet: what counts is what is new."""
    old = "[logterm: 1, index: 12] sent MsgVote request to 3 at term 2"
    program(host, "journalctl", f"case \"$*\" in *--since*) ;; *) echo '{old}' ;; esac\necho '{since}'")
    assert raft.parse_raft(run(host, raft._SCRIPT, f"{host}/root").stdout.decode()).index == index
