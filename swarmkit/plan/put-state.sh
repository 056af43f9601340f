# $1: Docker's root folder, $2: name of the folder there that keeps what was there. Prints its path if there was any.
set -eu
umask 077
root=$1 aside=$2
test ! -e "$root/$aside" || { echo "$root/$aside is there already" >&2; exit 1; }
new=$(mktemp -d "$root/swarmkit-restore.XXXXXX")
moved=no
back() {
    if [ "$moved" = yes ]; then
        systemctl stop docker.socket docker </dev/null >&2 || :
        rm -rf "$root/swarm"
        if [ -e "$root/$aside" ]; then mv "$root/$aside" "$root/swarm"; fi
    fi
    rm -rf "$new"
    systemctl start docker.socket docker </dev/null >&2
}
trap back EXIT
trap 'exit 1' HUP INT TERM
base64 -d >"$new/swarm.tar.gz" <<'SWARMKIT_END'
@CONTENT@
SWARMKIT_END
tar -C "$new" -xzf "$new/swarm.tar.gz" </dev/null
test -f "$new/swarm/docker-state.json"
systemctl stop docker.socket docker </dev/null >&2
test "$(systemctl is-active docker </dev/null || :)" = inactive || { echo "docker did not stop" >&2; exit 1; }
moved=yes
if [ -e "$root/swarm" ]; then mv "$root/swarm" "$root/$aside"; fi
mv "$new/swarm" "$root/swarm"
sync
systemctl start docker.socket docker </dev/null >&2
trap - EXIT
rm -rf "$new"
if [ -e "$root/$aside" ]; then echo "$root/$aside"; fi
