# Watch the data interface while marked packets go between containers, and while clear frames are sent to hosts that
# have to drop them. One process a host: a socket stays in the network namespace that it was opened in.
#
# On stdin a line each:
#   mark TEXT                           what makes our packets known
#   watch PORT VNIS DEVICE PEER...      UDP port of VXLAN, VNIs joined by ":", device, addresses of the other hosts
#   in PLACE                            begins a namespace: a process ID (1: our own, the host's) or a file; "input": what
#                                       has passed the host's own firewall
#   dns KEY ADDRESS PORT QUERY          ask for a name, over TCP: an answer of many addresses is cut in a datagram
#   tcp KEY ADDRESS PORT                connect, and close
#   hear KEY                            this packet is expected here
#   send KEY encrypted|open ADDRESS     send it, small and of the interface's full size, never fragmented
#   send KEY gossip ADDRESS             send it small, to the port of the engines' gossip; they cannot read it and drop it
#   apart KEY ADDRESS PORT              send to and connect to what must not answer
#   inject KEY VNI OWN TARGET INNER     send a clear frame from address OWN, past this host's firewall and encryption
#   await VNI ADDRESS                   such a frame is expected at the data interface
#   least SECONDS                       run at least as long
#   patience SECONDS                    wait as long for what does not answer
# It ends when told (TERM) and when all that is expected was heard, or when its patience ends. It prints "ready", then
#   esp ADDRESS OUT IN, clear ADDRESS VNI OUT IN, marked ADDRESS OUT IN: frames at the data interface
#   dns KEY HEX; tcp KEY ok or what the kernel said; what is not answered in time has no line
#   heard PLACE KEY small|full BYTES; unsent KEY small|full WHY; opened KEY; injected ADDRESS VNI COUNT; lost PLACE WHY
use strict; use warnings; use Socket; use POSIX (); use Errno;
$| = 1;
# Not part of every Perl; without it this runs as well, in whole seconds.
BEGIN { *now = eval { require Time::HiRes; \&Time::HiRes::time } || sub { time } }
# Hosts do not begin at one moment: a busy one may be seconds late, and must not be taken for one that hears nothing.
my ($PATIENCE, $LATE, $PAUSE, $GRACE) = (3.5, 8, 0.1, 0.3);
my ($PF_PACKET, $OUTGOING, $DISCARD, $GOSSIP, $ROOM) = (17, 4, 9, 7946, 256);
my ($IP, $ALL) = map { unpack 'S', pack 'n', $_ } 0x0800, 3;    # only a socket for all protocols sees what goes out
# setns is not in Perl; numbers of asm/unistd.h.
my %SETNS = (x86_64 => 308, aarch64 => 268, riscv64 => 268, i686 => 346, armv7l => 375, ppc64le => 350, s390x => 339);
my $setns = $SETNS{(POSIX::uname())[4]} || 0;
open my $home, '<', '/proc/self/ns/net' or die "lost 0 own namespace: $!\n";
my ($mark, $port, $device, @peers, %vni, %peer, %place, @dials, @sends, @apart, @injects, %expected, %awaited, @lost, $least, $current);
$least = 0;

sub filter { my ($socket, @ports) = @_;
    # Only ESP and datagrams to these ports are handed to this process: on a busy host the rest costs nothing here.
    my @code = ([0x28, 0, 0, 0xfffff000], [0x15, 0, 8 + @ports - 1, 0x0800], [0x30, 0, 0, 9], [0x15, 6 + @ports, 0, 50], [0x15, 0, 4 + @ports, 17], [0x28, 0, 0, 6],
        [0x45, 2 + @ports, 0, 0x1fff], [0xb1, 0, 0, 0], [0x48, 0, 0, 2]);
    push @code, [0x15, $#ports - $_ + 1, 0, $ports[$_]] for 0 .. $#ports;
    push @code, [6, 0, 0, 0], [6, 0, 0, 65535];
    my $text = join '', map { pack 'S C C L', @$_ } @code;
    setsockopt $socket, SOL_SOCKET, 26, pack('S x![P] P', scalar @code, $text) or die "lost 0 filter: $!\n" }
sub packet_socket { my ($index, $protocol, @ports) = @_;
    socket my $made, $PF_PACKET, SOCK_DGRAM, $protocol or die "lost 0 packet socket: $!\n";
    filter($made, @ports);
    bind $made, pack 'S S i S C C a8', $PF_PACKET, $protocol, $index, 0, 0, 0, '' or die "lost 0 bind: $!\n" if $index;
    $made }
sub device_index { open my $index, '<', "/sys/class/net/$_[0]/ifindex" or die "lost 0 $_[0]: $!\n"; <$index> + 0 }
sub goes_to { my $namespace = shift; $setns && syscall($setns, fileno $namespace, 0x40000000) == 0 }
sub datagram_socket { socket my $made, PF_INET, SOCK_DGRAM, 17 or die "lost 0 socket: $!\n";
    setsockopt $made, 0, 10, pack 'i', 3;    # IP_MTU_DISCOVER to IP_PMTUDISC_PROBE: never fragment
    $made }
sub file_of { my ($name) = @_; $name eq '1' ? '/proc/self/ns/net' : $name =~ /^\d+$/ ? "/proc/$name/ns/net" : $name }
# A raw socket hears what no rule of INPUT has dropped, beside the engine that listens there.
sub raw_socket { my ($port) = @_; socket my $made, PF_INET, SOCK_RAW, 17 or die "lost 0 raw socket: $!\n"; filter($made, $port); $made }
sub identity { join ':', (stat $_[0])[0, 1] }
sub open_place { my ($name) = @_;
    my $here = { name => $name, heard => {} };
    if ($name eq 'input') { $here->{in} = raw_socket($GOSSIP); return $here }
    my $why = $setns ? '' : 'its kind of processor is not known here';
    open my $namespace, '<', file_of($name) or $why ||= "$!";
    $why ||= "$!" unless $why || goes_to($namespace);
    if ($why) { push @lost, "$name $why"; return $here }
    # The host's own namespace, also that of a task on its network, sees what the host passes on: that is no task's to hear.
    $here->{in} = packet_socket(0, $IP, $DISCARD) unless identity($namespace) eq identity($home);
    $here->{out} = datagram_socket();
    goes_to($home) or die "lost 0 home: $!\n";
    $here }
# The MTU of the interface that leads to an address: with the kernel's idea of the path it would prove less.
sub full_size { my ($here, $address) = @_;
    socket my $asks, PF_INET, SOCK_DGRAM, 17 or return 0;
    connect $asks, pack_sockaddr_in($DISCARD, inet_aton($address)) or return 0;
    my $own = (unpack_sockaddr_in(getsockname $asks))[1];
    my $list = $here->{name} =~ /^\d+$/ ? "/proc/$here->{name}/net/dev" : '/proc/thread-self/net/dev';
    open my $devices, '<', $list or return 0;
    for (<$devices>) {
        my ($name) = /^\s*([^:\s]+):/ or next;
        my $request = pack 'a16 x24', $name;
        ioctl $asks, 0x8915, $request or next;    # SIOCGIFADDR
        next if substr($request, 20, 4) ne $own;
        $request = pack 'a16 x24', $name;
        return ioctl($asks, 0x8921, $request) ? unpack 'x16 i', $request : 0;    # SIOCGIFMTU
    }
    0 }

while (my $line = <STDIN>) {
    my ($word, @rest) = split ' ', $line or next;
    if ($word eq 'mark') { $mark = $rest[0] }
    elsif ($word eq 'watch') { ($port, my $vnis, $device, @peers) = @rest;
        %vni = map { $_ => 1 } split /:/, $vnis; %peer = map { inet_aton($_) => $_ } @peers }
    elsif ($word eq 'in') { $current = $place{$rest[0]} ||= open_place($rest[0]) }
    elsif ($word eq 'dns' || $word eq 'tcp') {
        push @dials, { here => $current, kind => $word, key => $rest[0], to => $rest[1], port => $rest[2],
            asks => defined $rest[3] ? $rest[3] =~ s/\\x(..)/chr hex $1/ger : '', got => '' } }
    elsif ($word eq 'hear') { $expected{$rest[0]} = 1 }
    elsif ($word eq 'send') { push @sends, { here => $current, key => $rest[0], class => $rest[1], to => $rest[2] } }
    elsif ($word eq 'apart') { push @apart, { here => $current, key => $rest[0], to => $rest[1], port => $rest[2] } }
    elsif ($word eq 'inject') { push @injects, [@rest] }
    elsif ($word eq 'await') { $awaited{"$rest[1] $rest[0]"} = 1 }
    elsif ($word eq 'least') { $least = $rest[0] }
    elsif ($word eq 'patience') { $PATIENCE = $rest[0]; $LATE = $PATIENCE if $LATE < $PATIENCE }
}
my ($index, $wire);
if ($device) { $index = device_index($device); $wire = packet_socket($index, $ALL, $port, $DISCARD) }

sub in_place { my ($here, $do) = @_;
    return unless $here->{out};
    open my $namespace, '<', file_of($here->{name}) or return;
    goes_to($namespace) or return;
    my $value = $do->();
    goes_to($home) or die "lost 0 home: $!\n";
    $value }
for my $send (@sends) { $send->{full} = in_place($send->{here}, sub { full_size($send->{here}, $send->{to}) }) || 0 }
sub dial { my ($to, $dial_port, $hops) = @_;
    socket my $made, PF_INET, SOCK_STREAM, 6 or return;
    setsockopt $made, 0, 2, pack 'i', $hops if $hops;    # IP_TTL
    fcntl $made, 4, 2048;    # O_NONBLOCK
    my $said = connect($made, pack_sockaddr_in($dial_port, inet_aton($to))) || $!{EINPROGRESS} ? '' : "$!";
    ($made, $said) }
# To what must not answer, a few hops at most: should the address be another's in the world outside, nothing gets there.
for my $try (@apart) { in_place($try->{here}, sub {
    $try->{out} = datagram_socket();
    setsockopt $try->{out}, 0, 2, pack 'i', 4;
    @$try{qw(dial said)} = dial($try->{to}, $try->{port}, 4) }) }
for my $dial (@dials) { in_place($dial->{here}, sub { @$dial{qw(socket said)} = dial($dial->{to}, $dial->{port}) }) }
my %talking = map { fileno $_->{socket} => $_ } grep { $_->{socket} && !$_->{said} } @dials;
sub talk { my ($dial) = @_;
    my $socket = $dial->{socket};
    unless ($dial->{stands}++) {
        $! = unpack 'i', getsockopt $socket, SOL_SOCKET, SO_ERROR;
        $dial->{said} = "$!" if $!;
        $dial->{said} ||= 'ok' if $dial->{kind} eq 'tcp';
        syswrite $socket, $dial->{asks} unless $dial->{said};
    } elsif (sysread $socket, my $more, 65536) {
        $dial->{got} .= $more;
        $dial->{said} = 'ok' if length $dial->{got} > 1 && length $dial->{got} >= 2 + unpack 'n', $dial->{got};
    } elsif (!$!{EAGAIN}) { $dial->{said} = 'cut' }
    return unless $dial->{said};
    delete $talking{fileno $socket};
    close $socket }

my ($stop, %esp, %clear, %marked, %injected, %said_done, %unsent);
$SIG{TERM} = sub { $stop = 1 };
sub count { my ($counts, $packet) = @_;
    my ($to, $from) = ($peer{substr $packet, 16, 4}, $peer{substr $packet, 12, 4});
    $counts->{$to}[0]++ if $to;
    $counts->{$from}[1]++ if $from }
sub watch_once {
    defined recv $wire, my $packet, $ROOM, 64 or return 0;
    count(\%marked, $packet) if index($packet, "$mark encrypted") >= 0;
    my ($first, $kind) = unpack 'C x8 C', $packet;
    my $udp = ($first & 15) * 4;
    # SPI 0 is what no kernel sends (RFC 4303, 2.1): a doctor's probe of the protocol.
    if ($kind == 50) { count(\%esp, $packet) if unpack('N', substr $packet, $udp, 4); return 1 }
    return 1 if length $packet < $udp + 16 || unpack('n', substr $packet, $udp + 2, 2) != $port;
    my $number = unpack('N', substr $packet, $udp + 12, 4) >> 8;
    return 1 unless $vni{$number};
    # Our own clear frames are no leak, nor are those of another proof at the same time.
    if (index($packet, "$mark injected") >= 0) { $injected{inet_ntoa(substr $packet, 12, 4) . " $number"}++ }
    elsif ($packet !~ /swarmkit-probe-[0-9a-f]{24} injected /) { count($clear{$number} ||= {}, $packet) }
    1 }
sub hear_once { my ($here) = @_;
    my $from = recv $here->{in}, my $packet, $ROOM, 64;
    return 0 unless defined $from;
    return 1 if (unpack 'S n i S C', $from)[4] == $OUTGOING;
    my $payload = substr $packet, (ord($packet) & 15) * 4 + 8;
    $payload =~ /^\Q$mark\E \w+ (\d+) (small|full) (\d) / or return 1;
    $here->{heard}{"$1 $2"} = unpack 'x2 n', $packet;
    delete $expected{$1};
    $said_done{$1} = 1 if $3;
    1 }
my $began = now();
sub complete { return 0 if %expected; return 1 if now() > $began + $PATIENCE; for (keys %awaited) { return 0 unless $injected{$_} } 1 }
sub put { my ($socket, $key, $class, $size, $bytes, $to, $to_port) = @_;
    my $payload = "$mark $class $key $size " . complete() . ' ';
    $payload .= '.' x ($bytes - length $payload) if $bytes > length $payload;
    defined send $socket, $payload, 0, pack_sockaddr_in($to_port || $DISCARD, inet_aton($to)) or $unsent{"$key $size"} = "$!" }
my ($rounds, $last_words) = (0, 3);
sub send_all {
    # The engines log what they cannot read: once a second, and when all is heard, so that the others need not wait.
    my $is_gossip_due = $rounds++ % 10 == 0 || (complete() && $last_words-- > 0);
    for my $send (grep { $_->{here}{out} } @sends) {
        if ($send->{class} eq 'gossip') { put($send->{here}{out}, @$send{qw(key class)}, 'small', 0, $send->{to}, $GOSSIP) if $is_gossip_due; next }
        put($send->{here}{out}, @$send{qw(key class)}, 'small', 0, $send->{to});
        put($send->{here}{out}, @$send{qw(key class)}, 'full', $send->{full} - 28, $send->{to}) }
    for my $try (grep { $_->{out} } @apart) { put($try->{out}, $try->{key}, 'apart', 'small', 0, $try->{to}) } }

sub link_address { my ($target) = @_;
    my (%next, %mac);
    open my $routes, '<', '/proc/net/route' or return;
    for (<$routes>) { my ($name, $to, $by, $mask) = (split)[0, 1, 2, 7];
        next unless $name eq $device;
        my ($net, $bits) = map { pack 'L', hex } $to, $mask;
        $next{unpack 'N', $bits} = $by eq '00000000' ? $target : inet_ntoa(pack 'L', hex $by) if (inet_aton($target) & $bits) eq $net }
    my ($longest) = sort { $b <=> $a } keys %next;
    return unless defined $longest;
    open my $known, '<', '/proc/net/arp' or return;
    for (<$known>) { my ($address, undef, $flags, $mac, undef, $name) = split; $mac{$address} = $mac if ($name || '') eq $device && hex $flags }
    my $mac = $mac{$next{$longest}} or return;
    pack 'H12', $mac =~ tr/://dr }
sub checksum { my $sum = 0; $sum += $_ for unpack 'n*', $_[0]; $sum = ($sum & 0xffff) + ($sum >> 16) for 1, 2; ~$sum & 0xffff }
sub ip_packet { my ($from, $to, $source_port, $target_port, $payload) = @_;
    my $udp = pack('n4', $source_port, $target_port, 8 + length $payload, 0) . $payload;
    my @head = (0x45, 0, 20 + length $udp, int rand 65536, 0, 64, 17);
    my @ends = (inet_aton($from), inet_aton($to));
    my $sum = checksum(pack 'C C n n n C C n a4 a4', @head, 0, @ends);
    pack('C C n n n C C n a4 a4', @head, $sum, @ends) . $udp }
my ($injector, %link, $nudge);
# Past netfilter and IPsec: a packet socket hands frames to the device itself. The inner frame is a broadcast, so that
# no container's link address need be known.
sub inject_all {
    return unless @injects && $wire;
    socket $injector, $PF_PACKET, SOCK_DGRAM, 0 or die "lost 0 packet socket: $!\n" unless $injector;
    for (@injects) { my ($key, $number, $own, $target, $inner) = @$_;
        my $mac = $link{$target} ||= link_address($target) || '';
        unless ($mac) { $nudge ||= datagram_socket(); send $nudge, '', 0, pack_sockaddr_in($DISCARD, inet_aton($target)); next }
        my $frame = "\xff" x 6 . "\x02\x42\x0a\0\0\xfe" . pack('n', 0x0800)
            . ip_packet('192.0.2.1', $inner, $DISCARD, $DISCARD, "$mark injected $key small 0 ");
        my $packet = ip_packet($own, $target, 49152 + int rand 16384, $port, pack('N2', 0x08000000, $number << 8) . $frame);
        send $injector, $packet, 0, pack 'S S i S C C a8', $PF_PACKET, $IP, $index, 1, 0, 6, $mac } }

my @places = grep { $_->{in} } values %place;
my %all = %expected;
my ($next, $ending) = (0, 0);
$began = now();
print "ready\n";
while (1) {
    my $now = now();
    last if $stop && $now > $began + $LATE || $now > $began + 2 * $LATE;
    if ($now >= $next) { send_all(); inject_all(); $next = $now + $PAUSE + 0.001 * @sends }
    if (complete() && (!%talking || $now > $began + $PATIENCE) && !grep { !$said_done{$_} } keys %all) {
        $ending ||= $now + $GRACE;
        last if $stop && $now > $ending && $now > $began + $least }
    my $bits = '';
    vec($bits, fileno $_, 1) = 1 for ($wire ? $wire : ()), map { $_->{in} } @places;
    my $ready = '';
    vec($_->{stands} ? $bits : $ready, fileno $_->{socket}, 1) = 1 for values %talking;
    select($bits, $ready, undef, 0.05) > 0 or next;
    for my $dial (values %talking) { my $is = fileno $dial->{socket}; talk($dial) if vec($bits, $is, 1) || vec($ready, $is, 1) }
    if ($wire) { for (1 .. 2000) { last unless watch_once() } }
    for my $here (@places) { for (1 .. 2000) { last unless hear_once($here) } }
}
if ($wire) { 1 while watch_once() }
for my $here (@places) { 1 while hear_once($here) }
sub two { map { $_ || 0 } @{ $_[0] || [] }[0, 1] }
if ($wire) { printf "esp %s %d %d\n", $_, two($esp{$_}) for @peers }
printf "marked %s %d %d\n", $_, two($marked{$_}) for sort keys %marked;
for my $number (sort keys %clear) { printf "clear %s %s %d %d\n", $_, $number, two($clear{$number}{$_}) for sort keys %{ $clear{$number} } }
for my $here (@places) { print "heard $here->{name} $_ $here->{heard}{$_}\n" for sort keys %{ $here->{heard} } }
print "unsent $_ $unsent{$_}\n" for sort keys %unsent;
print "injected $_ $injected{$_}\n" for sort keys %injected;
for my $dial (grep { $_->{said} } @dials) {
    if ($dial->{kind} eq 'tcp') { print "tcp $dial->{key} $dial->{said}\n" }
    elsif ($dial->{said} eq 'ok') { print "dns $dial->{key} ", unpack('H*', $dial->{got}), "\n" } }
# One that was refused at once, as where no route leads there, is ready to write as well, and has no error left.
for my $try (grep { $_->{dial} && !$_->{said} } @apart) {
    vec(my $bits = '', fileno $try->{dial}, 1) = 1;
    print "opened $try->{key}\n" if select(undef, $bits, undef, 0) > 0 && !unpack 'i', getsockopt $try->{dial}, SOL_SOCKET, SO_ERROR }
print "lost $_\n" for @lost;
print "end\n";
