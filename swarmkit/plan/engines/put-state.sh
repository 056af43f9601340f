# $1: Docker's root folder, $2: name of the folder there that keeps what was there, $3: which backup it is,
# $4: "again" where its state is in place and does not start.
# Prints the path of what was there, if there was any.
set -eu
umask 077
root=$1 aside=$2 backup=$3 again=${4:-}
# A run that lost its link may still be at it here.
exec 9>/run/swarmkit-restore.lock
flock -w 120 9 || { echo "another restore is at work on this host" >&2; exit 1; }
# What a host that lost its power in the middle has left: never what was there, which is in a folder of another name.
rm -rf "$root"/swarmkit-restore.??????
if [ "$again" != again ] && [ "$(cat "$root/swarm/swarmkit.restore" 2>/dev/null)" = "$backup" ]; then exit 0; fi
test ! -e "$root/$aside" || { echo "$root/$aside is there already" >&2; exit 1; }
new=$(mktemp -d "$root/swarmkit-restore.XXXXXX")
stopped=no placed=no
# What was there is removed by nobody: only what was put in its place, when it is known to be elsewhere or never was.
back() {
    if [ "$stopped" = no ]; then
        rm -rf "$new"
        return
    fi
    systemctl stop docker.socket docker </dev/null >&2 || :
    if [ -e "$root/$aside" ]; then
        rm -rf "$root/swarm"
        mv "$root/$aside" "$root/swarm"
    elif [ "$placed" = yes ]; then
        rm -rf "$root/swarm"
    fi
    rm -rf "$new"
    start_engine
}
trap back EXIT
trap 'exit 1' HUP INT TERM
base64 -d >"$new/swarm.tar.gz" <<'SWARMKIT_END'
@CONTENT@
SWARMKIT_END
tar -C "$new" -xzf "$new/swarm.tar.gz" </dev/null
rm "$new/swarm.tar.gz"
test -f "$new/swarm/docker-state.json"
echo "$backup" >"$new/swarm/swarmkit.restore"
stopped=yes
stop_engine
if [ -e "$root/swarm" ]; then mv "$root/swarm" "$root/$aside"; fi
placed=yes
mv "$new/swarm" "$root/swarm"
# A power cut from here on leaves nothing that a later run, which finds the state in its place, would not look for.
rm -rf "$new"
sync
start_engine
trap - EXIT
if [ -e "$root/$aside" ]; then echo "$root/$aside"; fi
