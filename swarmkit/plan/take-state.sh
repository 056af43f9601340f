# $1: Docker's root folder. Prints "stopped MILLISECONDS" and the swarm's folder as tar.gz in base64.
set -eu
umask 077
root=$1
copy=$(mktemp -d /var/tmp/swarmkit-backup.XXXXXX)
start() { systemctl start docker.socket docker </dev/null >&2; }
clean() { rm -rf "$copy"; }
trap 'start; clean' EXIT
trap 'exit 1' HUP INT TERM
begin=$(date +%s%3N)
# The socket too: the next who asks for the engine would start it in the middle of the copy.
systemctl stop docker.socket docker </dev/null >&2
test "$(systemctl is-active docker </dev/null || :)" = inactive || { echo "docker did not stop" >&2; exit 1; }
tar -C "$root" -S -czf "$copy/swarm.tar.gz" swarm </dev/null
test "$(systemctl is-active docker </dev/null || :)" = inactive || { echo "docker was started while its state was copied" >&2; exit 1; }
start
end=$(date +%s%3N)
trap clean EXIT
echo "stopped $((end - begin))"
base64 "$copy/swarm.tar.gz"
