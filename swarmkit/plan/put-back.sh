# $1: Docker's root folder, $2: the folder there with what lay there before a restore, $3: the name that what lies there
# now gets. Nothing is removed; where the engine does not start, all is as it was.
set -eu
root=$1 before=$2 kept=$3
exec 9>/run/swarmkit-restore.lock
flock -w 120 9 || { echo "another restore is at work on this host" >&2; exit 1; }
test -f "$root/$before/docker-state.json" || { echo "$root/$before holds no swarm's state" >&2; exit 1; }
test ! -e "$root/$kept" || { echo "$root/$kept is there already" >&2; exit 1; }
is_stopped() { case "$(systemctl is-active docker </dev/null || :)" in inactive | failed) ;; *) return 1 ;; esac; }
stop() {
    # The socket first and alone: together the service stops first, and who asks meanwhile starts it again.
    systemctl stop --job-mode=ignore-dependencies docker.socket </dev/null >&2
    systemctl stop docker </dev/null >&2
    is_stopped || { echo "docker did not stop: $(systemctl is-active docker </dev/null)" >&2; exit 1; }
}
again() {
    systemctl stop docker.socket docker </dev/null >&2 || :
    if [ ! -e "$root/$before" ]; then mv "$root/swarm" "$root/$before"; fi
    if [ -e "$root/$kept" ]; then mv "$root/$kept" "$root/swarm"; fi
    systemctl start docker.socket docker </dev/null >&2
}
trap again EXIT
trap 'exit 1' HUP INT TERM
stop
if [ -e "$root/swarm" ]; then mv "$root/swarm" "$root/$kept"; fi
mv "$root/$before" "$root/swarm"
sync
systemctl start docker.socket docker </dev/null >&2
trap - EXIT
if [ -e "$root/$kept" ]; then echo "$root/$kept"; fi
