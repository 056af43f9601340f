# $1...: PACKAGE=VERSION. Installs them and sees that the engine that runs is the new one. Prints apt's last lines when
# it failed.
set -u
export DEBIAN_FRONTEND=noninteractive
# A connection that breaks must not stop dpkg half way: it writes to a file, and nobody's hang-up ends it.
trap '' HUP PIPE
log=$(mktemp /var/tmp/swarmkit-upgrade.XXXXXX)
pid() { systemctl show -p MainPID --value docker </dev/null; }
before=$(pid)
{
    # What an interrupted upgrade left.
    dpkg --configure -a &&
        apt-get update -q &&
        apt-get install -qy --only-upgrade --no-install-recommends -o DPkg::Lock::Timeout=120 \
            -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" &&
        { [ "$(pid)" != "$before" ] || restart_engine; }
} </dev/null >"$log" 2>&1
code=$?
[ "$code" = 0 ] || tail -n 12 "$log" >&2
rm -f "$log"
exit "$code"
