# $1: Docker's root folder. Prints "stopped TIME since BEGIN ended TIME copied TIME", all in milliseconds, the last two what it took
# until the engine had ended, and for the copy; and the swarm's folder as tar.gz in base64.
set -eu
umask 077
root=$1
# A run that lost its link may still be at it here.
exec 9>/run/swarmkit-backup.lock
flock -w 120 9 || { echo "another backup is at work on this host" >&2; exit 1; }
# The copy of one that was killed, or lost its power, in the middle: it holds every secret of the swarm.
rm -rf /var/tmp/swarmkit-backup.??????
copy=$(mktemp -d /var/tmp/swarmkit-backup.XXXXXX)
clean() { rm -rf "$copy"; }
trap clean EXIT
# PIPE too: where the run is gone, printing ends a shell that does not catch it without its clearing up.
trap 'exit 1' HUP INT TERM PIPE
# Asked while the manager serves: a copy that finds no room would have stopped it for nothing.
needed=$(du -sk "$root/swarm" </dev/null | cut -f 1)
free=$(df -k --output=avail "$copy" </dev/null | tail -n 1)
test "$free" -ge "$needed" || {
    echo "/var/tmp has $((free / 1000)) MB free, the copy may need $((needed / 1000)) MB" >&2
    exit 1
}
trap 'start_engine; clean' EXIT
begin=$(date +%s%3N)
stop_engine
ended=$(date +%s%3N)
# Only copied while it stands; packing takes twenty times as long, for a log is made 64 MB large at once, mostly holes.
cp -a --sparse=always "$root/swarm" "$copy/swarm" </dev/null
is_stopped || { echo "docker was started while its state was copied" >&2; exit 1; }
copied=$(date +%s%3N)
start_engine
end=$(date +%s%3N)
trap clean EXIT
tar -C "$copy" -S -czf "$copy/swarm.tar.gz" swarm </dev/null
# Sent without the lock, and with no copy on the disk: a link that is dead takes nothing, for as long as sshd believes in
# it, and the next backup would wait for the lock in vain.
exec 8<"$copy/swarm.tar.gz"
clean
exec 9>&-
echo "stopped $((end - begin)) since $begin ended $((ended - begin)) copied $((copied - ended))"
base64 <&8
