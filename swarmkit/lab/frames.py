"""Say what an Ethernet frame on the cable is: ESP, VXLAN in clear, or something else."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

VXLAN_PORT = 4789

_ETHERNET_BYTES, _IPV4, _VLAN = 14, b"\x08\x00", b"\x81\x00"
_UDP, _TCP, _ICMP, _ESP = 17, 6, 1, 50
_FRAGMENT_OFFSET_MASK = 0x1FFF


@dataclass(frozen=True)
class Frame:
    """One frame's *kind* ("esp", "vxlan" or another word), the sender and receiver, and the VXLAN's network."""

    kind: str
    source: str = ""
    target: str = ""
    vni: int | None = None


@dataclass
class Counts:
    """How many frames of which kind crossed the cable."""

    esp: int = 0
    vxlan_by_vni: Counter[int] = field(default_factory=Counter)
    other: Counter[str] = field(default_factory=Counter)
    esp_by_pair: Counter[str] = field(default_factory=Counter)

    @property
    def clear_vxlan(self) -> int:
        return sum(self.vxlan_by_vni.values())

    def add(self, frame: Frame) -> None:
        if frame.kind == "esp":
            self.esp += 1
            self.esp_by_pair[f"{frame.source} > {frame.target}"] += 1
        elif frame.vni is not None:
            self.vxlan_by_vni[frame.vni] += 1
        else:
            self.other[frame.kind] += 1

    def as_json(self) -> dict[str, object]:
        return {
            "esp": self.esp,
            "esp_by_pair": dict(sorted(self.esp_by_pair.items())),
            "clear_vxlan": self.clear_vxlan,
            "vxlan_by_vni": {str(vni): count for vni, count in sorted(self.vxlan_by_vni.items())},
            "other": dict(sorted(self.other.items())),
        }


def classify(data: bytes, vxlan_port: int = VXLAN_PORT) -> Frame:
    """Return what the frame is; a frame too short to tell is "malformed"."""
    kind, payload = data[12:14], data[_ETHERNET_BYTES:]
    if kind == _VLAN:
        kind, payload = data[16:18], data[18:]
    if kind == _IPV4:
        return _classify_ipv4(payload, vxlan_port)
    if len(kind) < 2:
        return Frame("malformed")
    return Frame({b"\x08\x06": "arp", b"\x86\xdd": "ipv6"}.get(kind, f"0x{kind.hex()}"))


def _classify_ipv4(packet: bytes, vxlan_port: int) -> Frame:
    header = (packet[0] & 15) * 4 if packet else 0
    if header < 20 or len(packet) < header:
        return Frame("malformed")
    source, target = (".".join(map(str, packet[at : at + 4])) for at in (12, 16))
    if packet[9] == _ESP:
        return Frame("esp", source, target)
    if packet[9] != _UDP:
        return Frame({_TCP: "tcp", _ICMP: "icmp"}.get(packet[9], f"ip-{packet[9]}"), source, target)
    if int.from_bytes(packet[6:8], "big") & _FRAGMENT_OFFSET_MASK:
        return Frame("udp-fragment", source, target)
    return _classify_udp(packet[header:], source, target, vxlan_port)


def _classify_udp(datagram: bytes, source: str, target: str, vxlan_port: int) -> Frame:
    # RFC 7348 section 5: flags with the I bit, then the 24-bit VNI in bytes 4 to 6 of the VXLAN header.
    vxlan = datagram[8:16]
    if int.from_bytes(datagram[2:4], "big") != vxlan_port or len(vxlan) < 8:
        return Frame("udp", source, target)
    return Frame("vxlan", source, target, int.from_bytes(vxlan[4:7], "big"))
