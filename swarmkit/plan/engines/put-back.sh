# $1: Docker's root folder, $2: the folder there with what lay there before a restore, $3: the name that what lies there
# now gets. Nothing is removed; where the engine does not start, all is as it was.
set -eu
root=$1 before=$2 kept=$3
exec 9>/run/swarmkit-restore.lock
flock -w 120 9 || { echo "another restore is at work on this host" >&2; exit 1; }
test -f "$root/$before/docker-state.json" || { echo "$root/$before holds no swarm's state" >&2; exit 1; }
test ! -e "$root/$kept" || { echo "$root/$kept is there already" >&2; exit 1; }
again() {
    systemctl stop docker.socket docker </dev/null >&2 || :
    if [ ! -e "$root/$before" ]; then mv "$root/swarm" "$root/$before"; fi
    if [ -e "$root/$kept" ]; then mv "$root/$kept" "$root/swarm"; fi
    start_engine
}
trap again EXIT
trap 'exit 1' HUP INT TERM
stop_engine
if [ -e "$root/swarm" ]; then mv "$root/swarm" "$root/$kept"; fi
mv "$root/$before" "$root/swarm"
sync
start_engine
trap - EXIT
if [ -e "$root/$kept" ]; then echo "$root/$kept"; fi
