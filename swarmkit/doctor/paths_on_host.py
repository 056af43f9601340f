"""paths.pl once more, for hosts that have python3 and no perl: the same arguments, packets and answers.

Never imported: it is sent to the host and read there from stdin, by Python 3.6 or newer (RHEL 8's platform-python).
"""

import os
import select
import socket
import sys
import time

IP_MTU_DISCOVER, PROBE = 10, 3
KINDS = ("esp", "udp7946", "udpdata", "full")
SMALLER = (8900, 1500, 1480, 1460, 1450, 1420, 1400, 1380, 1280)
SYN, SYN_ACK = 0x02, 0x12
ESP = 50
# Each round brings all kinds: of a peer that was heard in so many and dialled for long enough to have been asked twice
# (a kernel does so after a second) what is missing does not come. A peer that is not heard may be about to begin. It is
# sent as many before the end: who stood still for a moment hears all that came meanwhile at once.
ROUND_SECONDS, ROUNDS, DIAL_SECONDS, LINGER_SECONDS = 0.3, 5, 1.3, 0.6


class Peer:
    """Another host, what was heard of it and what it answered."""

    def __init__(self, words: str) -> None:
        self.index, self.advertise, self.data, manager = words.split(",")
        self.ports = (7946, 2377) if manager == "1" else (7946,)
        self.heard: dict[str, str] = {}
        self.times: dict[str, int] = {}
        self.sent = 0
        self.unsent: dict[str, str] = {}
        self.told: dict[int, str] = {}
        self.dialled = 0
        self.is_done = False

    def is_complete(self) -> bool:
        return all(kind in self.heard for kind in KINDS)


class Probe:
    """One host's part: sends to every peer and listens for every peer."""

    def __init__(self, marker: str, own: str, seconds: str, data_port: str, mtu: str, *peers: str) -> None:
        everyone = {peer.index: peer for peer in map(Peer, peers)}
        self.marker, self.own, self.seconds, self.data_port, self.mtu = (
            marker,
            own,
            float(seconds),
            int(data_port),
            int(mtu),
        )
        self.me = everyone.pop(own)
        self.peers = everyone
        self.at = {address: peer for peer in everyone.values() for address in (peer.advertise, peer.data)}
        self.listening = {protocol: _raw(protocol) for protocol in (socket.IPPROTO_UDP, socket.IPPROTO_TCP, ESP)}
        self.esp = _raw(ESP)
        self.esp.bind((self.me.data, 0))
        self.data, self.gossip = _datagrams(self.me.data), _datagrams(self.me.advertise)
        self.behind: dict[str, list[Peer]] = {}
        self.unnamed: set[tuple[str, int]] = set()
        self.due: set[str] = set()
        self.open: dict[socket.socket, tuple[Peer, int, float]] = {}

    def remaining(self) -> float:
        """Return how many seconds to go on at most, as what was heard and answered tells."""
        if all(peer.is_complete() and peer.is_done and peer.dialled for peer in self.peers.values()) and not self.open:
            return 0.1
        often = all(min(peer.sent, max(peer.times.values(), default=0)) >= ROUNDS for peer in self.peers.values())
        asked = all(time.time() >= since + DIAL_SECONDS for _, _, since in self.open.values())
        return LINGER_SECONDS if often and asked else float("inf")

    def send_to(self, peer: Peer, *, is_late: bool) -> None:
        """Send to *peer*; that all of its own was heard is all that one needs which has heard all of this one's."""
        self.due.discard(peer.index)
        self._put(peer, "udp7946", self.gossip, (peer.advertise, 7946), 0)
        peer.sent += bool(peer.heard)
        if peer.is_done:
            return
        self._put(peer, "esp", self.esp, (peer.data, 0), 0)
        self._put(peer, "udpdata", self.data, (peer.data, self.data_port), 0)
        self._put(peer, "full", self.data, (peer.data, self.data_port), self.mtu - 28)
        for size in [size for size in SMALLER if is_late and size < self.mtu]:
            self._put(peer, f"size{size}", self.data, (peer.data, self.data_port), size - 28)

    def _put(self, peer: Peer, kind: str, through: socket.socket, to: "tuple[str, int]", size: int) -> None:
        text = f"\0\0\0\0{self.marker} {self.own} {kind} {int(peer.is_complete())} "
        try:
            through.sendto(text.ljust(size, ".").encode(), to)
        except OSError as error:
            peer.unsent[kind] = os.strerror(error.errno or 0)

    def dial_all(self, now: float, began: float, until: float) -> float:
        """Dial who was heard, which tells that it listens, and the others after some rounds; return the new end."""
        for peer in self.peers.values():
            # Who is not heard may hear this host, and be certain soon.
            if peer.dialled >= (2 if peer.heard else 1) or not (peer.heard or now > began + 4 * ROUND_SECONDS):
                continue
            peer.dialled = 2 if peer.heard else 1
            if peer.heard:
                until = max(until, now + self.seconds / 2)
            for port in peer.ports:
                self._dial(peer, port)
        return until

    def _dial(self, peer: Peer, port: int) -> None:
        dialling = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        dialling.settimeout(0)
        dialling.bind((self.me.advertise, 0))
        try:
            dialling.connect((peer.advertise, port))
        except BlockingIOError:
            pass
        except OSError as error:
            peer.told[port] = os.strerror(error.errno or 0)
            return
        self.open[dialling] = (peer, port, time.time())

    def hear(self, ready: "list[socket.socket]") -> None:
        """Read all that waits: on a busy host the end would come before the rest was looked at."""
        for protocol, through in self.listening.items():
            while through in ready:
                try:
                    packet, (address, _) = through.recvfrom(65535)
                except BlockingIOError:
                    break
                self._take(protocol, packet, address)

    def _take(self, protocol: int, packet: bytes, address: str) -> None:
        head = (packet[0] & 15) * 4
        if protocol == socket.IPPROTO_TCP:
            port, flags = int.from_bytes(packet[head + 2 : head + 4], "big"), packet[head + 13]
            if flags & SYN_ACK == SYN and port in (2377, 7946):
                if address in self.at:
                    self._note(self.at[address], f"tcp{port}", f"{address} 0")
                else:
                    self.unnamed.add((address, port))
            return
        words = packet.partition(self.marker.encode())[2].split()[:3]
        peer = self.peers.get(words[0].decode()) if len(words) == 3 else None
        if peer:
            kind = words[1].decode()
            self._note(peer, kind, f"{address} {len(packet)}")
            peer.times[kind] = peer.times.get(kind, 0) + 1
            self.behind.setdefault(address, []).append(peer)
            peer.is_done = peer.is_done or words[2] == b"1"

    def _note(self, peer: Peer, kind: str, what: str) -> None:
        """Keep what was heard; who is heard for the first time listens from now on, and may have missed all before."""
        was = bool(peer.heard), peer.is_complete()
        peer.heard[kind] = what
        if was != (True, peer.is_complete()):
            self.due.add(peer.index)

    def name_the_unnamed(self) -> None:
        """Give connections from an address of no peer to those whose other packets came from it: it is translated."""
        for address, port in self.unnamed:
            for peer in self.behind.get(address, []):
                peer.heard.setdefault(f"tcp{port}", f"{address} 0")

    def answered(self, ready: "list[socket.socket]") -> None:
        for dialled in ready:
            peer, port, _ = self.open.pop(dialled)
            error = dialled.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            peer.told[port] = os.strerror(error) if error else "ok"
            dialled.close()

    def run(self) -> None:
        began, next_round = time.time(), 0.0
        until, last = began + self.seconds, float("inf")
        while time.time() < min(until, last):
            now = time.time()
            # Before the answer: whoever has that knows that it was dialled.
            until = self.dial_all(now, began, until)
            if now >= next_round:
                self.due, next_round = set(self.peers), now + ROUND_SECONDS
            for index in list(self.due):
                self.send_to(self.peers[index], is_late=now > began + 2 * ROUND_SECONDS)
            last = min(last, now + self.remaining())
            reading, writing, _ = select.select(list(self.listening.values()), list(self.open), [], 0.05)
            self.hear(reading)
            self.answered(writing)
        self.hear(list(self.listening.values()))
        self.name_the_unnamed()
        for peer, port, _ in self.open.values():
            peer.told[port] = "timeout"

    def lines(self) -> "list[str]":
        peers = [self.peers[index] for index in sorted(self.peers)]
        found = [f"heard {peer.index} {kind} {peer.heard[kind]}" for peer in peers for kind in sorted(peer.heard)]
        found += [f"tcp {peer.index} {port} {said}" for peer in peers for port, said in peer.told.items()]
        found += [f"unsent {peer.index} {kind} {why}" for peer in peers for kind, why in peer.unsent.items()]
        return [*found, "end"]


def _raw(protocol: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol)
    made.settimeout(0)
    return made


def _datagrams(address: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, 0))
    made.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PROBE)
    return made


if __name__ == "__main__":
    probe = Probe(*sys.argv[1:])
    probe.run()
    sys.stdout.write("\n".join(probe.lines()) + "\n")
