"""An engine that tells another version than its own: a program in its socket's place changes its answers.

For versions that no host of the lab can have. The number that is told must be as long as the engine's own, since the
answers' lengths stand before them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager

from lab.spare_lab import SpareLab

SOCKET, MOVED = "/run/docker.sock", "/run/docker.moved"
_UNIT, _FILE = "other-version", "/root/other-version.pl"
_PROGRAM = r"""
use strict;
use warnings;
use Socket;
my ($engine, $place, $own, $told) = @ARGV;
length $own == length $told or die "$told is not as long as $own\n";
$SIG{CHLD} = "IGNORE";
umask 0117;
socket(my $open, AF_UNIX, SOCK_STREAM, 0) or die "socket: $!\n";
bind($open, pack_sockaddr_un($place)) && listen($open, 64) or die "$place: $!\n";
while (1) {
    accept(my $client, $open) or next;
    next if fork;
    socket(my $server, AF_UNIX, SOCK_STREAM, 0) or die "socket: $!\n";
    connect($server, pack_sockaddr_un($engine)) or die "$engine: $!\n";
    if (fork) { pass($server, $client, 1) } else { pass($client, $server, 0) }
    exit;
}

sub pass {
    my ($from, $to, $changes) = @_;
    my $kept = "";
    while (sysread($from, my $part, 65536)) {
        $part = $kept . $part;
        $kept = "";
        if ($changes) {
            $part =~ s/\Q$own\E/$told/g;
            # The number may be cut in two: what may be its beginning waits for what follows.
            for my $length (reverse 1 .. length($own) - 1) {
                next if $length > length $part or substr($part, -$length) ne substr($own, 0, $length);
                $kept = substr($part, -$length, $length, "");
                last;
            }
        }
        give($to, $part);
    }
    give($to, $kept);
    shutdown($to, 1);
}

sub give {
    my ($to, $bytes) = @_;
    while (length $bytes) {
        my $given = syswrite($to, $bytes) or exit;
        substr($bytes, 0, $given) = "";
    }
}
"""


@contextmanager
def telling(lab: SpareLab, host: str, own: str, told: str) -> Iterator[None]:
    """Let the engine of *host* tell *told* wherever it tells its *own* version."""
    lab.run(host, f"cat >{_FILE} && mv {SOCKET} {MOVED}", stdin=_PROGRAM.encode())
    try:
        words = shlex.join(["perl", _FILE, MOVED, SOCKET, own, told])
        lab.run(host, f"systemd-run -q --unit={_UNIT} {words}")
        lab.run(host, f"timeout 10 sh -c 'until test -S {SOCKET}; do sleep 0.1; done'")
        yield
    finally:
        lab.run(host, f"systemctl stop {_UNIT}; mv -f {MOVED} {SOCKET}; rm {_FILE}")
