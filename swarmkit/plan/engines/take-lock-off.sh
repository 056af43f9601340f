# $1: Docker's root folder, $2: "restart" for an engine that waits for its key.
set -eu
umask 077
file=$1/swarm/certificates/swarm-node.key
# What a power cut left of an earlier run: the same key, in clear.
rm -f "$file".??????
new=$(mktemp "$file.XXXXXX")
trap 'rm -f "$new"' EXIT
trap 'exit 1' HUP INT TERM PIPE
cat >"$new" <<'SWARMKIT_END'
@CONTENT@
SWARMKIT_END
# A later run sees by it that this manager locks, until the engine writes the file anew.
sha256sum <"$new" >"$1/swarm/swarmkit.lock-off"
sync
mv "$new" "$file"
if [ "$2" = restart ]; then restart_engine; fi
