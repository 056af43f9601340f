"""A manager's state as an engine 26.1 wrote it for a swarm that is no more: the start of its raft log, and its key."""

from __future__ import annotations

import base64
import io
import tarfile
from collections.abc import Mapping

from swarmkit.recovery import protobuf
from swarmkit.recovery.write_ahead_log import castagnoli, rewritten_log

ADDRESS = "10.88.0.61:2377"
"""Of its only manager."""
KEY = """\
-----BEGIN PRIVATE KEY-----
kek-version: 0
raft-dek: EiAZ4XNfoZ2Q4/t2+pLjxRvMCpwQ5dfmY5JwS2mfZ07FqA==

left out
-----END PRIVATE KEY-----
"""
LOG = base64.b64decode(
    "BAAAAAAAAIQIBBAAAAAAAEIAAAAAAACGCAEQ+Lfx2gMaOAijsqTChdidwkUSGWN6bWJndnFleTRmNW93a243OXlydjVreGMaDzEwLjg4LjAuNjE6"
    "MjM3NyIAAAAAAAAADgAAAAAAAIIIBRCm++/7BhoECAAQAAAAiAAAAAAAAAAIAhD1nd6/Ahp+CAEQARgBInYIARJYUMjktcjXw2wLakd/qT41XuHI"
    "yyTiveQbrODgEdjdInWbkYLgnuOsHuSo66xs7V+/Es/gkD/TLUx+8NxN9661c34ZMbxqPTGAZHsIHVXCl0mI4G1M2JZM1RoYrw5Fuvi5DV7WWf7F"
    "FmUlAgSUf/HgF/3EEAAAAAAAAAAIAxCi7IzkDBoGCAEQABgBQAAAAAAAAAAIAhCP1MXpCxo2CAAQAhgCIi4IARIQCGBMSYIcN0g8UMxdYiq5WhoY"
    "urfrv03+mqWB8J82p8leg/XxEdFLE7/M"
)
"""Where the log begins, what it is of, no snapshot, the manager's entry, that it is settled, the leader's own."""
FILES = {
    "swarm/docker-state.json": b"{}",
    "swarm/certificates/swarm-node.key": KEY.encode(),
    "swarm/raft/wal-v3-encrypted/0000000000000000-0000000000000000.wal": LOG.ljust(1024, b"\0"),
}


def packed_state(files: Mapping[str, bytes]) -> bytes:
    """Return the tar.gz of a state's *files*."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o600
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def unpacked_state(state: bytes) -> dict[str, bytes]:
    """Return the files of the tar.gz *state*."""
    with tarfile.open(fileobj=io.BytesIO(state), mode="r:gz") as tar:
        return {member.name: content.read() for member in tar if (content := tar.extractfile(member))}


def continued(kind: int, data: bytes, *files: bytes) -> bytes:
    """Return the file of a log that goes on where *files* end, LOG if none is given, with one more record."""
    crc = 0

    def last(_: int, record: bytes) -> bytes:
        nonlocal crc
        crc = castagnoli(record, crc)
        return record

    rewritten_log(list(files or (LOG,)), last)
    found = b""
    for number, checksum, content in ((4, crc, None), (kind, castagnoli(data, crc), data)):
        record = protobuf.write([(1, number), (2, checksum), *([(3, content)] if content else [])])
        padding = -len(record) % 8
        found += (len(record) | (1 << 63 | padding << 56 if padding else 0)).to_bytes(8, "little") + record
        found += bytes(padding)
    return found
