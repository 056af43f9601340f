# $1: Docker's root folder. Prints "stopped MILLISECONDS since BEGIN", in milliseconds too, and the swarm's folder as tar.gz in base64.
set -eu
umask 077
root=$1
# A run that lost its link may still be at it here.
exec 9>/run/swarmkit-backup.lock
flock -w 120 9 || { echo "another backup is at work on this host" >&2; exit 1; }
# The copy of one that was killed, or lost its power, in the middle: it holds every secret of the swarm.
rm -rf /var/tmp/swarmkit-backup.??????
copy=$(mktemp -d /var/tmp/swarmkit-backup.XXXXXX)
start() { systemctl start docker.socket docker </dev/null >&2; }
clean() { rm -rf "$copy"; }
is_stopped() { case "$(systemctl is-active docker </dev/null || :)" in inactive | failed) ;; *) return 1 ;; esac; }
trap 'start; clean' EXIT
trap 'exit 1' HUP INT TERM
begin=$(date +%s%3N)
# The socket first and alone: together the service stops first, and who asks for the engine meanwhile starts it again.
systemctl stop --job-mode=ignore-dependencies docker.socket </dev/null >&2
systemctl stop docker </dev/null >&2
is_stopped || { echo "docker did not stop: $(systemctl is-active docker </dev/null)" >&2; exit 1; }
# Only copied while it stands; packing takes twenty times as long, for a log is made 64 MB large at once, mostly holes.
cp -a --sparse=always "$root/swarm" "$copy/swarm" </dev/null
is_stopped || { echo "docker was started while its state was copied" >&2; exit 1; }
start
end=$(date +%s%3N)
trap clean EXIT
tar -C "$copy" -S -czf "$copy/swarm.tar.gz" swarm </dev/null
echo "stopped $((end - begin)) since $begin"
base64 "$copy/swarm.tar.gz"
