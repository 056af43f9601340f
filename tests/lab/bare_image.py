"""An image that holds one static program and nothing else: no shell, no library, no /etc.

The program takes connections on TCP_PORT, closes each at once, and has a socket on UDP_PORT. Its machine code, that of
x86-64 as of the lab's hosts, is written here, so that no compiler is needed.
"""

from __future__ import annotations

import hashlib
import io
import json
import socket
import struct
import tarfile
from pathlib import Path

TCP_PORT, UDP_PORT = 8094, 5353
TAG = "bare:1.0"
_BASE, _HEADERS = 0x400000, 64 + 56
_SYSCALL = b"\x0f\x05"
_SOCKET, _BIND, _LISTEN, _ACCEPT, _CLOSE = 41, 49, 50, 43, 3


def write_bare_image(folder: Path) -> Path:
    """Write the image as a docker-archive into *folder*."""
    layer = _tar({"serve": program()})
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/serve"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    text = json.dumps(config).encode()
    name = f"{hashlib.sha256(text).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": [TAG], "Layers": ["layer.tar"]}]).encode()
    archive = folder / "bare.tar"
    archive.write_bytes(_tar({"layer.tar": layer, name: text, "manifest.json": manifest}))
    return archive


def program() -> bytes:
    """Return the program as an ELF file with one segment."""
    size = len(_code(0, 0))
    at_udp = _BASE + _HEADERS + size
    body = _code(at_udp, at_udp + 16) + _address(UDP_PORT) + _address(TCP_PORT)
    whole = _HEADERS + len(body)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = ident + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return header + struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, whole, whole, 0x1000) + body


def _code(at_udp: int, at_tcp: int) -> bytes:
    keep, take = b"\x41\x89\xfc", b"\x44\x89\xe7"  # mov r12d, edi; mov edi, r12d
    loop = _number(_ACCEPT) + take + b"\x31\xf6\x31\xd2" + _SYSCALL  # with esi and edx zero
    loop += b"\x89\xc7" + _number(_CLOSE) + _SYSCALL
    listen = _number(_LISTEN) + b"\xbe" + struct.pack("<I", 16) + _SYSCALL
    again = b"\xeb" + struct.pack("b", -len(loop) - 2)
    return _bound(socket.SOCK_DGRAM, at_udp) + _bound(socket.SOCK_STREAM, at_tcp) + listen + keep + loop + again


def _bound(kind: int, address: int) -> bytes:
    """Return the code that leaves a socket bound to the *address* in edi."""
    make = _number(_SOCKET) + b"\xbf" + struct.pack("<I", socket.AF_INET) + b"\xbe" + struct.pack("<I", kind)
    bind = _number(_BIND) + b"\xbe" + struct.pack("<I", address) + b"\xba" + struct.pack("<I", 16)
    return make + b"\x31\xd2" + _SYSCALL + b"\x89\xc7" + bind + _SYSCALL


def _number(call: int) -> bytes:
    return b"\xb8" + struct.pack("<I", call)


def _address(port: int) -> bytes:
    return struct.pack("<H", socket.AF_INET) + struct.pack("!H", port) + bytes(12)


def _tar(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, body in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(body), 0o755
            tar.addfile(member, io.BytesIO(body))
    return made.getvalue()
