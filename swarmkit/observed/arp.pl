# Ask on one link whether anybody has the addresses given: ARP probes as of RFC 5227, which tell nobody anything of ours.
# Arguments: device, IPv4 addresses. Prints "ADDRESS MAC" for each that somebody answered for within a second.
use strict; use warnings; use Socket; use Time::HiRes qw(time);
my ($device, @addresses) = @ARGV;
my %wanted = map { inet_aton($_) => $_ } @addresses;
sub of_device { my ($file) = @_;
    open my $handle, '<', "/sys/class/net/$device/$file" or die "no device $device\n";
    chomp(my $line = <$handle>);
    $line }
my $own = pack 'H12', join '', split /:/, of_device('address');
my $protocol = unpack 'S', pack 'n', 0x0806;
my $everybody = pack 'S S i S C C a8', 17, $protocol, of_device('ifindex'), 0, 0, 6, "\xff" x 6;
# A datagram socket of the packet family takes and gives packets from their ARP header on.
socket my $wire, 17, SOCK_DGRAM, $protocol or die "packet socket: $!\n";
bind $wire, pack 'S S i S C C a8', 17, $protocol, of_device('ifindex'), 0, 0, 0, '' or die "bind: $!\n";
my %answered;
for my $round (1 .. 2) {
    for my $address (keys %wanted) {
        send $wire, pack('n n C C n a6 a4 a6 a4', 1, 0x0800, 6, 4, 1, $own, "\0" x 4, "\0" x 6, $address), 0, $everybody;
    }
    my $until = time + 0.5;
    while ((my $left = $until - time) > 0) {
        vec(my $readable = '', fileno $wire, 1) = 1;
        select($readable, undef, undef, $left) > 0 or next;
        defined recv $wire, my $packet, 64, 0 or next;
        my ($operation, $mac, $from) = unpack 'x6 n a6 a4', $packet;
        $answered{$from} = join ':', unpack '(H2)6', $mac if $operation == 2 && $wanted{$from};
    }
}
print "$wanted{$_} $answered{$_}\n" for sort keys %answered;
