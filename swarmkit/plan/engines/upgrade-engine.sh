# $1...: PACKAGE=VERSION. Installs them and sees that the engine that runs is the new one. Prints apt's last lines when
# it failed.
set -u
export DEBIAN_FRONTEND=noninteractive
# A connection that breaks must not stop dpkg half way: it writes to a file, and nobody's hang-up ends it.
trap '' HUP PIPE
# A run that was killed, or lost its link, may still be at it here; who comes meanwhile waits for it by this lock.
exec 9>/run/swarmkit-upgrade.lock
flock -w 600 9 || { echo "another upgrade is at work on this host" >&2; exit 1; }
log=$(mktemp /var/tmp/swarmkit-upgrade.XXXXXX)
pid() { systemctl show -p MainPID --value docker </dev/null; }
before=$(pid)
had_command_line=$(command -v docker)
install() {
    apt-get install -qy --no-install-recommends -o DPkg::Lock::Timeout=120 \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}
# Debian's docker.io held the command line until 20.10, and only recommends docker-cli since.
keep_command_line() {
    hash -r
    [ -z "$had_command_line" ] || command -v docker >/dev/null || install "docker-cli=${1#*=}"
}
{
    # What an interrupted upgrade left.
    dpkg --configure -a &&
        apt-get update -q &&
        install --only-upgrade "$@" &&
        { [ "$(pid)" != "$before" ] || restart_engine; } &&
        keep_command_line "$1"
} </dev/null >"$log" 2>&1 9>&-  # What a maintainer's script starts would hold the lock for good.
code=$?
[ "$code" = 0 ] || tail -n 12 "$log" >&2
rm -f "$log"
exit "$code"
