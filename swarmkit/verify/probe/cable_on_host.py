"""cable.pl once more, for hosts that have python3 and no perl: the same lines on stdin, packets, patience and answers.

Never imported: it is sent to the host and run there by Python 3.6 or newer (RHEL 8's platform-python). What is asked
and answered is told at the head of cable.pl.
"""

import ctypes
import errno
import fcntl
import functools
import os
import re
import select
import signal
import socket
import struct
import sys
import time
from pathlib import Path

PATIENCE_SECONDS, LATE_SECONDS, PAUSE_SECONDS, GRACE_SECONDS = 3.5, 8.0, 0.1, 0.3
DISCARD, GOSSIP, ROOM, AT_ONCE = 9, 7946, 256, 2000
IP, ALL = 0x0800, 3  # only a socket for all protocols sees what goes out
OUTGOING, ETHERNET = 4, 1
ESP, UDP = 50, 17
ATTACH_FILTER, CLONE_NEWNET = 26, 0x40000000
IP_MTU_DISCOVER, PROBE = 10, 3
ADDRESS_OF_INTERFACE, MTU_OF_INTERFACE = 0x8915, 0x8921
OWN_NAMESPACE = "/proc/self/ns/net"
FEW_HOPS = 4

libc = ctypes.CDLL(None, use_errno=True)


def blind(what: str, error: OSError) -> SystemExit:
    return SystemExit(f"lost 0 {what}: {os.strerror(error.errno or 0)}")


def attach_filter(to: socket.socket, *ports: int) -> None:
    """Have only ESP and datagrams to these ports handed to this process: on a busy host the rest costs nothing here."""
    count = len(ports)
    code = [(0x28, 0, 0, 0xFFFFF000), (0x15, 0, 7 + count, IP), (0x30, 0, 0, 9), (0x15, 6 + count, 0, ESP)]
    code += [(0x15, 0, 4 + count, UDP), (0x28, 0, 0, 6), (0x45, 2 + count, 0, 0x1FFF), (0xB1, 0, 0, 0), (0x48, 0, 0, 2)]
    code += [(0x15, count - index, 0, port) for index, port in enumerate(ports)]
    code += [(6, 0, 0, 0), (6, 0, 0, 65535)]
    text = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in code))
    try:
        to.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, struct.pack("HP", len(code), ctypes.addressof(text)))
    except OSError as error:
        raise blind("filter", error) from error


def packet_socket(protocol: int, *ports: int, device: str = "") -> socket.socket:
    try:
        made = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(protocol))
        attach_filter(made, *ports)
        if device:
            made.bind((device, protocol))
    except OSError as error:
        raise blind(device or "packet socket", error) from error
    return made


def raw_socket(port: int) -> socket.socket:
    """Return what hears all that no rule of INPUT has dropped, beside the engine that listens there."""
    try:
        made = socket.socket(socket.AF_INET, socket.SOCK_RAW, UDP)
    except OSError as error:
        raise blind("raw socket", error) from error
    attach_filter(made, port)
    return made


def datagram_socket() -> socket.socket:
    try:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PROBE)  # never fragment
    except OSError as error:
        raise blind("socket", error) from error
    return made


class Place:
    """A network namespace in which sockets of ours are: this process itself is in another one only to open them."""

    def __init__(self, name: str, home: int) -> None:
        self.name, self.home = name, home
        self.heard: dict[str, int] = {}
        self.hearing: socket.socket | None = None
        self.sending: socket.socket | None = None
        self.lost = ""

    def open(self) -> "Place":
        if self.name == "input":
            self.hearing = raw_socket(GOSSIP)
            return self
        try:
            is_host = self._enter()
        except OSError as error:
            self.lost = os.strerror(error.errno or 0)
            return self
        # The host's own namespace, also that of a task on its network, sees what the host passes on: that is no task's
        # to hear.
        self.hearing = None if is_host else packet_socket(IP, DISCARD)
        self.sending = datagram_socket()
        self.leave()
        return self

    def enter(self) -> bool:
        """Go into it; False where nothing can be sent from, then this process has not moved."""
        try:
            if self.sending:
                self._enter()
        except OSError:
            return False
        return self.sending is not None

    def leave(self) -> None:
        try:
            _move(self.home)
        except OSError as error:
            raise blind("home", error) from error

    def _enter(self) -> bool:
        """Go into it, and return whether it is the one that this process is at home in."""
        path = f"/proc/{self.name}/ns/net" if self.name.isdigit() else self.name
        namespace = os.open(OWN_NAMESPACE if self.name == "1" else path, os.O_RDONLY)
        try:
            _move(namespace)
            return os.path.sameopenfile(namespace, self.home)
        finally:
            os.close(namespace)


def _move(namespace: int) -> None:
    if libc.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Send:
    """A packet of ours, small and of full size, to who shall hear it."""

    def __init__(self, place: Place, key: str, kind: str, to: str) -> None:
        self.place, self.key, self.kind, self.to = place, key, kind, to
        self.full = 0
        if place.enter():
            self.full = full_size(to)
            place.leave()


def full_size(address: str) -> int:
    """Return the MTU of the interface that leads there: with the kernel's idea of the path it would prove less."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asks:
        try:
            asks.connect((address, DISCARD))
        except OSError:
            return 0
        own = socket.inet_aton(asks.getsockname()[0])
        for _, name in socket.if_nameindex():
            request = struct.pack("16s24x", name.encode())
            try:
                if fcntl.ioctl(asks, ADDRESS_OF_INTERFACE, request)[20:24] == own:
                    return int(struct.unpack_from("i", fcntl.ioctl(asks, MTU_OF_INTERFACE, request), 16)[0])
            except OSError:  # one without an address
                continue
    return 0


def dial(to: str, port: int, hops: int = 0) -> "tuple[socket.socket, str]":
    """Begin to connect; return the socket and what the kernel said at once, nothing while that is under way."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if hops:
        made.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
    made.settimeout(0)
    code = made.connect_ex((to, port))
    return made, "" if code in (0, errno.EINPROGRESS) else os.strerror(code)


class Dial:
    """A connection that shall stand, and over it, for a name, a question."""

    def __init__(self, place: Place, kind: str, key: str, to: str, port: str, asks: str = "") -> None:
        self.kind, self.key = kind, key
        self.asks = re.sub(rb"\\x(..)", lambda found: bytes([int(found.group(1), 16)]), asks.encode())
        self.got, self.said, self.stands = b"", "", False
        self.socket: socket.socket | None = None
        if place.enter():
            self.socket, self.said = dial(to, int(port))
            place.leave()

    def is_talking(self) -> bool:
        return self.socket is not None and not self.said

    def talk(self, through: socket.socket) -> None:
        """Go on: it stands or was refused, or there is more of the answer."""
        try:
            if self.stands:
                self._listen(through)
            else:
                self._ask(through)
        except BlockingIOError:
            return
        except OSError:
            self.said = "cut"
        if self.said:
            through.close()

    def _ask(self, through: socket.socket) -> None:
        self.stands = True
        code = through.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code or self.kind == "tcp":
            self.said = os.strerror(code) if code else "ok"
        else:
            through.send(self.asks)

    def _listen(self, through: socket.socket) -> None:
        more = through.recv(65536)
        self.got += more
        if len(self.got) > 1 and len(self.got) >= 2 + int.from_bytes(self.got[:2], "big"):
            self.said = "ok"
        elif not more:
            self.said = "cut"


class Apart:
    """A packet and a connection to what must not answer."""

    def __init__(self, place: Place, key: str, to: str, port: str) -> None:
        self.key, self.to, self.said = key, to, ""
        self.sending: socket.socket | None = None
        self.dialling: socket.socket | None = None
        if place.enter():
            # A few hops at most: should the address be another's in the world outside, nothing gets there.
            self.sending = datagram_socket()
            self.sending.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, FEW_HOPS)
            self.dialling, self.said = dial(to, int(port), FEW_HOPS)
            place.leave()

    def has_opened(self) -> bool:
        """Return whether it stands; one that was refused at once is ready to write as well, and has no error left."""
        if self.dialling is None or self.said or not ready_of({}, {self.dialling: None}, 0):
            return False
        return not self.dialling.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def ready_of(
    reading: "dict[socket.socket, object]", writing: "dict[socket.socket, object]", seconds: float
) -> "set[socket.socket]":
    """Return the sockets that are ready within *seconds*."""
    waiting = select.poll()
    sockets = {one.fileno(): one for one in [*reading, *writing]}
    for one in reading:
        waiting.register(one, select.POLLIN)
    for one in writing:
        waiting.register(one, select.POLLOUT)
    return {sockets[number] for number, _ in waiting.poll(seconds * 1000)}


class Watch:
    """The data interface, and the frames that cross it to and from the other hosts."""

    OTHER_PROOF = re.compile(rb"swarmkit-probe-[0-9a-f]{24} injected ")

    def __init__(self, mark: str, port: str, vnis: str, device: str, *peers: str) -> None:
        self.mark, self.port, self.device, self.peers = mark.encode(), int(port), device, peers
        self.vnis = {int(vni) for vni in vnis.split(":") if vni}
        self.address = {socket.inet_aton(peer): peer for peer in peers}
        self.esp: dict[str, list[int]] = {}
        self.marked: dict[str, list[int]] = {}
        self.clear: dict[int, dict[str, list[int]]] = {}
        self.injected: dict[str, int] = {}
        self.socket = packet_socket(ALL, self.port, DISCARD, device=device)

    def take(self) -> bool:
        """Read a frame; False where none waits."""
        try:
            packet = self.socket.recv(ROOM, socket.MSG_DONTWAIT)
        except OSError:
            return False
        if self.mark + b" encrypted" in packet:
            self._count(self.marked, packet)
        udp = (packet[0] & 15) * 4
        if packet[9] == ESP:
            # SPI 0 is what no kernel sends (RFC 4303, 2.1): a doctor's probe of the protocol.
            if any(packet[udp : udp + 4]):
                self._count(self.esp, packet)
        elif len(packet) >= udp + 16 and int.from_bytes(packet[udp + 2 : udp + 4], "big") == self.port:
            self._take_clear(packet, int.from_bytes(packet[udp + 12 : udp + 15], "big"))
        return True

    def _take_clear(self, packet: bytes, vni: int) -> None:
        if vni not in self.vnis:
            return
        # Our own clear frames are no leak, nor are those of another proof at the same time.
        if self.mark + b" injected" in packet:
            sender = f"{socket.inet_ntoa(packet[12:16])} {vni}"
            self.injected[sender] = self.injected.get(sender, 0) + 1
        elif not self.OTHER_PROOF.search(packet):
            self._count(self.clear.setdefault(vni, {}), packet)

    def _count(self, counts: "dict[str, list[int]]", packet: bytes) -> None:
        for direction, address in enumerate((packet[16:20], packet[12:16])):
            if address in self.address:
                counts.setdefault(self.address[address], [0, 0])[direction] += 1

    def lines(self) -> "list[str]":
        esp = [(peer, self.esp.get(peer, (0, 0))) for peer in self.peers]
        found = [f"esp {peer} {sent} {received}" for peer, (sent, received) in esp]
        found += [f"marked {peer} {sent} {received}" for peer, (sent, received) in sorted(self.marked.items())]
        for vni, clear in sorted(self.clear.items()):
            found += [f"clear {peer} {vni} {sent} {received}" for peer, (sent, received) in sorted(clear.items())]
        return found


def masked(address: bytes, bits: bytes) -> bytes:
    return bytes(address[index] & bits[index] for index in range(len(bits)))


def hardware_address(device: str, target: str) -> "bytes | None":
    """Return the link address of who passes on what goes to *target*; None while the kernel has not asked for it."""
    hops: dict[bytes, str] = {}
    with Path("/proc/net/route").open() as routes:
        for words in map(str.split, routes):
            if words[0] == device:
                net, gateway, bits = (struct.pack("=I", int(words[column], 16)) for column in (1, 2, 7))
                if masked(socket.inet_aton(target), bits) == net:
                    hops[bits] = socket.inet_ntoa(gateway) if any(gateway) else target
    if not hops:
        return None
    hop = hops[max(hops)]
    with Path("/proc/net/arp").open() as known:
        for words in map(str.split, known):
            if words[0] == hop and words[-1] == device and int(words[2], 16):
                return bytes.fromhex(words[3].replace(":", ""))
    return None


def below(end: int) -> int:
    return int.from_bytes(os.urandom(2), "big") % end


def checksum(head: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(head) // 2}H", head))
    for _ in range(2):
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip_packet(source: str, target: str, source_port: int, target_port: int, payload: bytes) -> bytes:
    udp = struct.pack("!4H", source_port, target_port, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBB", 0x45, 0, 20 + len(udp), below(65536), 0, 64, UDP)
    ends = socket.inet_aton(source) + socket.inet_aton(target)
    return head + struct.pack("!H", checksum(head + b"\0\0" + ends)) + ends + udp


class Injector:
    """Sends clear frames past netfilter and IPsec: a packet socket hands them to the device itself."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        try:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        except OSError as error:
            raise blind("packet socket", error) from error
        self.nudge = datagram_socket()
        self.links: dict[str, bytes] = {}

    def send(self, key: str, vni: str, own: str, target: str, inner: str) -> None:
        link = self.links.get(target) or hardware_address(self.watch.device, target)
        try:
            if not link:
                self.nudge.sendto(b"", (target, DISCARD))
                return
            self.links[target] = link
            text = self.watch.mark + f" injected {key} small 0 ".encode()
            # A broadcast, so that no container's link address need be known.
            frame = b"\xff" * 6 + b"\x02\x42\x0a\0\0\xfe" + struct.pack("!H", IP)
            frame += ip_packet("192.0.2.1", inner, DISCARD, DISCARD, text)
            vxlan = struct.pack("!II", 0x08000000, int(vni) << 8) + frame
            packet = ip_packet(own, target, 49152 + below(16384), self.watch.port, vxlan)
            self.socket.sendto(packet, (self.watch.device, IP, 0, ETHERNET, link))
        except OSError:
            return


class Share:
    """One host's share of a proof: what it was asked for, what it sends, and what it hears."""

    def __init__(self, wishes: "list[list[str]]") -> None:
        self.mark, self.least, self.patience = "", 0.0, PATIENCE_SECONDS
        self.home = os.open(OWN_NAMESPACE, os.O_RDONLY)
        self.places: dict[str, Place] = {}
        self.dials: list[Dial] = []
        self.sends: list[Send] = []
        self.aparts: list[Apart] = []
        self.injects: list[list[str]] = []
        self.expected: set[str] = set()
        self.awaited: set[str] = set()
        self.watch: Watch | None = None
        self.unsent: dict[str, str] = {}
        self.finished: set[str] = set()
        self.rounds, self.last_words, self.is_told_to_stop = 0, 3, False
        self._read_settings(wishes)
        self._open_places(wishes)
        self._open_packets(wishes)
        self.hearing = {place.hearing: place for place in self.places.values() if place.hearing}
        self.injector = Injector(self.watch) if self.injects and self.watch else None
        self.all = frozenset(self.expected)
        self.late = max(LATE_SECONDS, self.patience)
        self.began = time.monotonic()

    def _read_settings(self, wishes: "list[list[str]]") -> None:
        for word, *rest in wishes:
            if word == "mark":
                self.mark = rest[0]
            elif word == "hear":
                self.expected.add(rest[0])
            elif word == "inject":
                self.injects.append(rest)
            elif word == "await":
                self.awaited.add(f"{rest[1]} {rest[0]}")
            elif word == "least":
                self.least = float(rest[0])
            elif word == "patience":
                self.patience = float(rest[0])

    def _open_places(self, wishes: "list[list[str]]") -> None:
        for word, *rest in wishes:
            if word == "in" and rest[0] not in self.places:
                self.places[rest[0]] = Place(rest[0], self.home).open()
            elif word == "watch":
                self.watch = Watch(self.mark, *rest)

    def _open_packets(self, wishes: "list[list[str]]") -> None:
        """Open what is sent and dialled: when all is heard and watched."""
        here = Place("", self.home)
        for word, *rest in wishes:
            if word == "in":
                here = self.places[rest[0]]
            elif word == "send":
                self.sends.append(Send(here, *rest))
            elif word == "apart":
                self.aparts.append(Apart(here, *rest))
            elif word in ("dns", "tcp"):
                self.dials.append(Dial(here, word, *rest))

    def stop(self, *_: object) -> None:
        self.is_told_to_stop = True

    def is_complete(self) -> bool:
        if self.expected:
            return False
        if time.monotonic() > self.began + self.patience:
            return True
        return all(self.watch and self.watch.injected.get(sender) for sender in self.awaited)

    def _put(self, through: socket.socket, key: str, kind: str, size: str, count: int, to: "tuple[str, int]") -> None:
        text = f"{self.mark} {kind} {key} {size} {int(self.is_complete())} "
        try:
            through.sendto(text.ljust(count, ".").encode(), to)
        except OSError as error:
            self.unsent[f"{key} {size}"] = os.strerror(error.errno or 0)

    def _send_all(self) -> None:
        is_gossip_due = self._is_gossip_due()
        for send in self.sends:
            through = send.place.sending
            if through and send.kind == "gossip":
                if is_gossip_due:
                    self._put(through, send.key, send.kind, "small", 0, (send.to, GOSSIP))
            elif through:
                self._put(through, send.key, send.kind, "small", 0, (send.to, DISCARD))
                self._put(through, send.key, send.kind, "full", send.full - 28, (send.to, DISCARD))
        for apart in self.aparts:
            if apart.sending:
                self._put(apart.sending, apart.key, "apart", "small", 0, (apart.to, DISCARD))
        if self.injector:
            for wanted in self.injects:
                self.injector.send(*wanted)

    def _is_gossip_due(self) -> bool:
        """The engines log what they cannot read: once a second, and when all is heard, so that nobody need wait."""
        self.rounds += 1
        if self.rounds % 10 == 1:
            return True
        if not self.is_complete() or not self.last_words:
            return False
        self.last_words -= 1
        return True

    def _hear(self, place: Place, through: socket.socket) -> bool:
        """Read a packet; False where none waits."""
        try:
            packet, sender = through.recvfrom(ROOM, socket.MSG_DONTWAIT)
        except OSError:
            return False
        is_outgoing = len(sender) > 2 and sender[2] == OUTGOING
        payload = packet[(packet[0] & 15) * 4 + 8 :]
        found = re.match(re.escape(self.mark.encode()) + rb" \w+ (\d+) (small|full) (\d) ", payload)
        if found and not is_outgoing:
            key, size, is_finished = (word.decode() for word in found.groups())
            place.heard[f"{key} {size}"] = int.from_bytes(packet[2:4], "big")
            self.expected.discard(key)
            if is_finished != "0":
                self.finished.add(key)
        return True

    def _is_heard_out(self, now: float) -> bool:
        is_talking = any(one.is_talking() for one in self.dials) and now <= self.began + self.patience
        return self.is_complete() and not is_talking and self.all <= self.finished

    def run(self) -> None:
        next_round = ending = 0.0
        self.began = time.monotonic()
        while True:
            now = time.monotonic()
            if now > self.began + (self.late if self.is_told_to_stop else 2 * self.late):
                break
            if now >= next_round:
                self._send_all()
                next_round = now + PAUSE_SECONDS + 0.001 * len(self.sends)
            if self._is_heard_out(now):
                ending = ending or now + GRACE_SECONDS
                if self.is_told_to_stop and now > ending and now > self.began + self.least:
                    break
            self._wait()
        self._take_all(None)

    def _wait(self) -> None:
        talking = {one.socket: one for one in self.dials if one.socket and one.is_talking()}
        reading: dict[socket.socket, object] = dict(self.hearing)
        reading.update({through: one for through, one in talking.items() if one.stands})
        if self.watch:
            reading[self.watch.socket] = self.watch
        ready = ready_of(reading, {through: one for through, one in talking.items() if not one.stands}, 0.05)
        for through in ready & talking.keys():
            talking[through].talk(through)
        if ready:
            self._take_all(AT_ONCE)

    def _take_all(self, limit: "int | None") -> None:
        """Read what waits, of each socket *limit* packets at most."""
        takes = [self.watch.take] if self.watch else []
        takes += [functools.partial(self._hear, place, through) for through, place in self.hearing.items()]
        for take in takes:
            count = 0
            while count != limit and take():
                count += 1

    def lines(self) -> "list[str]":
        found = self.watch.lines() if self.watch else []
        for place in self.hearing.values():
            found += [f"heard {place.name} {what} {count}" for what, count in sorted(place.heard.items())]
        found += [f"unsent {what} {why}" for what, why in sorted(self.unsent.items())]
        injected = sorted(self.watch.injected.items()) if self.watch else []
        found += [f"injected {sender} {count}" for sender, count in injected]
        for one in self.dials:
            if one.kind == "tcp" and one.said:
                found.append(f"tcp {one.key} {one.said}")
            elif one.said == "ok":
                found.append(f"dns {one.key} {one.got.hex()}")
        found += [f"opened {one.key}" for one in self.aparts if one.has_opened()]
        found += [f"lost {place.name} {place.lost}" for place in self.places.values() if place.lost]
        return [*found, "end"]


if __name__ == "__main__":
    share = Share([words for words in map(str.split, sys.stdin) if words])
    signal.signal(signal.SIGTERM, share.stop)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    share.run()
    sys.stdout.write("\n".join(share.lines()) + "\n")
