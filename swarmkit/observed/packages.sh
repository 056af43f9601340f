# Which Debian packages the engine is of, and what newer versions the host's sources have. Its own lists are left as they
# are: the sources are asked into a folder that goes away.
set -u
command -v apt-get >/dev/null || { echo "lacks apt-get"; exit 0; }
lists=$(mktemp -d /tmp/swarmkit-lists.XXXXXX)
trap 'rm -rf "$lists"' EXIT
mkdir "$lists/partial"
chmod 755 "$lists"
apt() { "$@" -o "Dir::State::lists=$lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= </dev/null; }
apt apt-get update -q -o APT::Sandbox::User=root -o Acquire::Retries=1 2>&1 >/dev/null | sed 's/^/said /'
for name in docker-ce docker-ce-cli docker-ce-rootless-extras docker.io docker-cli; do
    set -- $(dpkg-query -W -f '${db:Status-Status} ${Version}' "$name" 2>/dev/null)
    case "${1:-}" in installed | half-configured | unpacked | triggers-*) ;; *) continue ;; esac
    echo "installed $name $2"
    apt apt-cache policy "$name" | sed -n "s/^  Candidate: /candidate $name /p"
    apt apt-cache madison "$name" | while read -r _ _ version _; do
        if dpkg --compare-versions "$version" gt "$2"; then echo "newer $name $version"; fi
    done
done
