#!/usr/bin/perl
# Tells the lab's gateway which TCP ports this host listens on and whether its engine is ready, so that the lab can
# publish the same ports on the operator's loopback. Perl, which Debian always has: a turn takes 0.4 ms of a lab host,
# in the shell, which reads files of /proc letter by letter, it takes 55 ms. No process is started.
# usage: swarmkit-lab-report NAME GATEWAY
use strict;
use warnings;
use Socket qw(AF_INET SOCK_DGRAM inet_aton sockaddr_in);

my ($name, $gateway) = @ARGV;
socket(my $socket, AF_INET, SOCK_DGRAM, 0) or die "socket: $!\n";
my $to = sockaddr_in(7488, inet_aton($gateway));
my ($last, $quiet) = ("", 0);

sub listening_ports {
    my %ports;
    for my $path ("/proc/net/tcp", "/proc/net/tcp6") {
        open(my $file, "<", $path) or next;
        local $/;
        my $lines = <$file>;
        # 0A is LISTEN (linux/include/net/tcp_states.h); addresses are hexadecimal, in the machine's byte order.
        while ($lines =~ /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ 0A /mg) {
            my ($address, $port) = ($1, $2);
            $ports{hex $port} = 1 unless $address =~ /7F$|01000000$/;
        }
    }
    return join " ", sort { $a <=> $b } keys %ports;
}

while (1) {
    my $engine = -e "/run/swarmkit-lab-engine" ? "ready" : "starting";
    my $report = join " ", $name, $engine, listening_ports();
    if ($report ne $last || $quiet >= 10) {
        $last = $report if defined send($socket, "$report\n", 0, $to);
        $quiet = 0;
    }
    $quiet++;
    select undef, undef, undef, 0.3;
}
