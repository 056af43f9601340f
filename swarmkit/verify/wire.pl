# Count on one interface what goes to peers and comes from them: ESP frames, and VXLAN frames in clear by VNI.
# Arguments: UDP port of VXLAN, VNIs joined by ":", device, addresses of peers. Prints "ready", and on TERM a line
# "esp ADDRESS OUT IN" each, and "clear ADDRESS VNI OUT IN" for what should not be. Payloads are never kept.
use strict; use warnings; use Socket;
$| = 1;
my ($port, $vnis, $device, @peers) = @ARGV;
my %peer = map { inet_aton($_) => $_ } @peers;
my %vni = map { $_ => 1 } split /:/, $vnis;
open my $index, '<', "/sys/class/net/$device/ifindex" or die "lost $device: $!\n";
# A datagram socket of the packet family gives packets from their IP header on, whatever the link.
my $protocol = unpack 'S', pack 'n', 0x0800;
socket my $wire, 17, SOCK_DGRAM, $protocol or die "lost packet socket: $!\n";
bind $wire, pack 'S S i S C C a8', 17, $protocol, <$index> + 0, 0, 0, 0, '' or die "lost bind: $!\n";
my ($stop, %esp, %clear);
$SIG{TERM} = sub { $stop = 1 };
sub count { my ($counts, $packet) = @_;
    my $to = $peer{substr $packet, 16, 4};
    my $from = $peer{substr $packet, 12, 4};
    $counts->{$to}[0]++ if $to;
    $counts->{$from}[1]++ if $from }
sub look {
    defined recv $wire, my $packet, 256, 64 or return 0;
    my ($first, $fragment, $kind) = unpack 'C x5 n x C', $packet;
    return 1 if $fragment & 0x1fff;
    if ($kind == 50) { count(\%esp, $packet) }
    elsif ($kind == 17) {
        my $udp = ($first & 15) * 4;
        return 1 if length $packet < $udp + 16 || unpack('n', substr $packet, $udp + 2, 2) != $port;
        my $number = unpack('N', substr $packet, $udp + 12, 4) >> 8;
        count($clear{$number} ||= {}, $packet) if $vni{$number};
    }
    1;
}
print "ready\n";
until ($stop) {
    vec(my $readable = '', fileno $wire, 1) = 1;
    select($readable, undef, undef, 0.1) > 0 or next;
    1 while look();
}
1 while look();
for my $address (@peers) { printf "esp %s %d %d\n", $address, map { $_ || 0 } @{ $esp{$address} || [] }[0, 1] }
for my $number (sort keys %clear) {
    printf "clear %s %s %d %d\n", $_, $number, map { $_ || 0 } @{ $clear{$number}{$_} }[0, 1] for sort keys %{ $clear{$number} };
}
