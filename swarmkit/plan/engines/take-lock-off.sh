# $1: Docker's root folder, $2: "restart" for an engine that waits for its key.
set -eu
umask 077
file=$1/swarm/certificates/swarm-node.key
new=$(mktemp "$file.XXXXXX")
trap 'rm -f "$new"' EXIT
cat >"$new" <<'SWARMKIT_END'
@CONTENT@
SWARMKIT_END
sync
mv "$new" "$file"
if [ "$2" = restart ]; then restart_engine; fi
