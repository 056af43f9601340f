# Send to every peer and listen for every peer, with raw sockets: what a raw socket hears has passed the host's
# firewall (INPUT), whether or not anything listens on the port, also beside a running engine. Changes nothing.
#
# Arguments: marker own-index seconds data-port manager-port peers...; a peer is index,advertise,data,is_manager.
# Prints: "heard FROM KIND SOURCE BYTES", "tcp TO PORT ok|refused|timeout|..." and "unsent TO KIND why".
# KIND is esp, udp7946, udpdata, full (a frame of the link's size that must not be fragmented), sizeN (one of N bytes,
# as paths have that are smaller), tcp7946 or tcp2377.
#
# No module is loaded, not strict, warnings or Time::HiRes either: each costs a small host as much as all the rest.
$| = 1;
open(my $uptime, '<', '/proc/uptime') or die "/proc/uptime: $!\n";
sub now { sysseek($uptime, 0, 0); sysread($uptime, my $text, 64); (split ' ', $text)[0] }
# Not from Socket and Errno; the same wherever Docker runs.
my ($PF_INET, $STREAM, $DGRAM, $RAW, $SOL_SOCKET, $SO_ERROR, $NONBLOCK, $EINPROGRESS) = (2, 1, 2, 3, 1, 4, 2048, 115);
sub at { my ($port, $address) = @_; pack('S n C4 x8', $PF_INET, $port, split /\./, $address) }
my ($marker, $own, $seconds, $data_port, $mtu, @peers) = @ARGV;
my %peer = map { my ($i, $adv, $data, $mgr) = split /,/; $i => { adv => $adv, data => $data, mgr => $mgr } } @peers;
my $me = delete $peer{$own};
my %from = map { ($peer{$_}{adv} => $_, $peer{$_}{data} => $_) } keys %peer;
my ($IP_MTU_DISCOVER, $PROBE) = (10, 3);
my @smaller = (8900, 1500, 1480, 1460, 1450, 1420, 1400, 1380, 1280);

sub raw { my $p = shift; socket(my $s, $PF_INET, $RAW, $p) or die "raw socket: $!\n"; fcntl($s, 4, $NONBLOCK); $s }
my %in = (udp => raw(17), tcp => raw(6), esp => raw(50));
sub from { my $s = raw(50); bind($s, at(0, shift)) or die "bind: $!\n"; $s }
sub dgram {
    my ($address) = @_;
    socket(my $s, $PF_INET, $DGRAM, 17) or die "socket: $!\n";
    bind($s, at(0, $address)) or die "bind: $!\n";
    setsockopt($s, 0, $IP_MTU_DISCOVER, pack('i', $PROBE));
    $s;
}
my %out = (esp => from($me->{data}), data => dgram($me->{data}), gossip => dgram($me->{adv}));
my (%behind, %unnamed, %heard, %times, %sent, %done, %due, %unsent, %open, %told);

# What goes to a peer tells it whether all of its own was heard: then it needs to send no more than this answer. A peer
# that is heard for the first time listens from now on: it is sent to at once, as what came before may have been too early.
my @kinds = qw(esp udp7946 udpdata full);
sub has_all { my ($i) = @_; for (@kinds) { return 0 unless $heard{$i} && $heard{$i}{$_} } 1 }
sub complete { for my $i (keys %peer) { return 0 unless has_all($i) } 1 }
# Each round brings all kinds: of a peer that was heard in $ROUNDS of them and dialled for long enough to have been asked
# twice (a kernel does so after a second) what is missing does not come. A peer that is not heard may be about to begin.
# It is sent as many before the end: who stood still for a moment hears all that came meanwhile at once.
my ($ROUND, $ROUNDS, $DIAL, $LINGER) = (0.3, 5, 1.3, 0.6);
sub often { my ($i) = @_; for (values %{ $times{$i} }) { return 1 if $_ >= $ROUNDS } 0 }
sub certain { my ($now) = @_;
    for my $i (keys %peer) { return 0 unless often($i) && ($sent{$i} // 0) >= $ROUNDS }
    for (values %open) { return 0 if $now < $_->[2] + $DIAL }
    1 }
sub payload { my ($to, $kind, $size) = @_;
    my $text = "\0\0\0\0$marker " . join(' ', $own, $kind, has_all($to)) . ' ';
    $size && length $text < $size ? $text . ('.' x ($size - length $text)) : $text }
sub put { my ($to, $kind, $s, $port, $address, $size) = @_;
    defined send($s, payload($to, $kind, $size), 0, at($port, $address)) or $unsent{$to}{$kind} = "$!" }
# What a path is too small for shows late.
sub send_to { my ($i, $is_late) = @_;
    delete $due{$i};
    put($i, 'udp7946', $out{gossip}, 7946, $peer{$i}{adv});
    $sent{$i}++ if $heard{$i};
    return if $done{$i};
    put($i, 'esp', $out{esp}, 0, $peer{$i}{data});
    put($i, 'udpdata', $out{data}, $data_port, $peer{$i}{data});
    put($i, 'full', $out{data}, $data_port, $peer{$i}{data}, $mtu - 28);
    put($i, "size$_", $out{data}, $data_port, $peer{$i}{data}, $_ - 28) for grep { $is_late && $_ < $mtu } @smaller;
}
sub dial { my ($to, $port) = @_;
    socket(my $s, $PF_INET, $STREAM, 6) or die "socket: $!\n";
    bind($s, at(0, $me->{adv}));
    fcntl($s, 4, $NONBLOCK);
    my $said = connect($s, at($port, $peer{$to}{adv})) ? 'ok' : $! == $EINPROGRESS ? '' : "$!";
    if ($said) { $told{"$to $port"} = $said } else { $open{fileno $s} = [$s, "$to $port", now()] } }
sub listen_once { my ($name) = @_;
    my $source = recv($in{$name}, my $packet, 65535, 0); return 0 unless defined $source;
    my $address = join '.', unpack 'x4 C4', $source;
    my $head = (ord($packet) & 15) * 4;
    if ($name eq 'tcp') {
        my ($to, $flags) = unpack('x2 n x9 C', substr($packet, $head, 14));
        return 1 unless ($flags & 0x12) == 2 && ($to == 2377 || $to == 7946);
        unless (defined $from{$address}) { $unnamed{$address}{$to} = 1; return 1 }
        $due{$from{$address}} = 1 unless $heard{$from{$address}};
        $heard{$from{$address}}{"tcp$to"} = "$address 0";
        return 1;
    }
    return 1 unless $packet =~ /\Q$marker\E (\d+) (\w+) (\d)/;
    my ($i, $kind, $is_done) = ($1, $2, $3);
    return 1 unless $peer{$i};
    $due{$i} = 1 unless $heard{$i};
    my $had_all = has_all($i);
    $heard{$i}{$kind} = "$address " . length $packet;
    $times{$i}{$kind}++;
    $behind{$address}{$i} = 1;
    $due{$i} = 1 if !$had_all && has_all($i);
    $done{$i} = 1 if $is_done;
    1;
}
# All that waits is read each time: on a busy host the end would come before the rest was looked at.
sub drain { for my $name (keys %in) { for (1 .. 2000) { last unless listen_once($name) } } }
my $now = now();
my ($began, $next, $last, $until) = ($now, 0, 0, $now + $seconds);
my %dialled;
# A peer is dialled once it was heard, which tells that it listens, too; one that is not heard, after some rounds, as it
# may hear this host and be certain soon.
sub dial_all { for my $i (grep { ($dialled{$_} // 0) < ($heard{$_} ? 2 : 1) } keys %peer) {
    next unless $heard{$i} || $now > $began + 4 * $ROUND;
    $dialled{$i} = $heard{$i} ? 2 : 1;
    if ($heard{$i} && $until < $now + $seconds / 2) { $until = $now + $seconds / 2 }
    dial($i, 7946); dial($i, 2377) if $peer{$i}{mgr} } }
while (($now = now()) < $until) {
    # Before the answer: whoever has that knows that it was dialled.
    dial_all();
    if ($now >= $next) { @due{keys %peer} = (); $next = $now + $ROUND }
    send_to($_, $now > $began + 2 * $ROUND) for keys %due;
    my $all = complete() && keys %done == keys %peer && keys %dialled == keys %peer && !%open;
    my $end = $all ? $now + 0.1 : certain($now) ? $now + $LINGER : 0;
    if ($end) { $last = $end if !$last || $end < $last; last if $now > $last }
    my ($r, $w) = ('', '');
    vec($r, fileno $_, 1) = 1 for values %in;
    vec($w, $_, 1) = 1 for keys %open;
    select($r, $w, undef, 0.05) > 0 or next;
    drain();
    for my $fd (grep { vec($w, $_, 1) } keys %open) {
        my ($s, $what) = @{ delete $open{$fd} };
        $! = unpack('i', getsockopt($s, $SOL_SOCKET, $SO_ERROR));
        $told{$what} = $! ? "$!" : 'ok';
        close $s;
    }
}
drain();
# Connections from an address of no peer are of those whose other packets came from it: it is translated.
for my $address (keys %unnamed) { for my $i (keys %{ $behind{$address} }) {
    $heard{$i}{"tcp$_"} ||= "$address 0" for keys %{ $unnamed{$address} } } }
$told{$_->[1]} = 'timeout' for values %open;
for my $i (sort keys %heard) { print "heard $i $_ $heard{$i}{$_}\n" for sort keys %{ $heard{$i} } }
print "tcp $_ $told{$_}\n" for sort keys %told;
for my $i (sort keys %unsent) { print "unsent $i $_ $unsent{$i}{$_}\n" for sort keys %{ $unsent{$i} } }
print "end\n";
