#!/bin/sh
# Add to Debian's User-Mode Linux the modules that it lacks and Docker needs: the older iptables of both address families.
# Called by mmdebstrap as its extract hook with the tree: the kernel, its configuration and a compiler are in it.
# usage: kernel.sh ROOT
set -eu
root=$1
release=$(basename "$root"/usr/lib/uml/modules/*)
series=${release%.*}

# --- the source, of the same series; a patch level more or less does not move what these modules touch ---
mkdir -p "$root/build"
cd "$root/build"
APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -qq -o APT::Sandbox::User=root download "linux-source-$series"
dpkg-deb --fsys-tarfile linux-source-*.deb | tar -xO "./usr/src/linux-source-$series.tar.xz" | xz -T0 -dc |
    tar -x --strip-components=1 --exclude='*.rst' --exclude='*.dts*' --exclude='*/tools/testing' \
        --exclude='*/drivers/*.[chS]' --exclude='*/sound/*.[ch]' --exclude='*/fs/*.c'
rm linux-source-*.deb

# --- its own configuration, and the missing options; modules must name the kernel's release ---
zcat "$root/usr/share/doc/user-mode-linux/config.gz" | grep -v 'CONFIG_DEBUG_INFO\|XTABLES_LEGACY' > .config
cat >> .config <<'OPTIONS'
CONFIG_DEBUG_INFO_NONE=y
CONFIG_NETFILTER_XTABLES_LEGACY=y
CONFIG_IP_NF_IPTABLES_LEGACY=m
CONFIG_IP_NF_FILTER=m
CONFIG_IP_NF_NAT=m
CONFIG_IP_NF_MANGLE=m
CONFIG_IP_NF_RAW=m
CONFIG_IP6_NF_IPTABLES_LEGACY=m
CONFIG_IP6_NF_FILTER=m
CONFIG_IP6_NF_NAT=m
CONFIG_IP6_NF_MANGLE=m
CONFIG_IP6_NF_RAW=m
OPTIONS
sed -i "s/^SUBLEVEL = .*/SUBLEVEL = ${release##*.}/" Makefile

build() {
    chroot "$root" make --silent -C /build -j"$(nproc)" ARCH=um AWK=mawk KBUILD_MODPOST_WARN=1 \
        KBUILD_BUILD_USER=lab KBUILD_BUILD_HOST=lab "$@" > "$root/build.log" 2>&1 || {
        cat "$root/build.log"
        exit 1
    }
}
modules="net/netfilter/x_tables.ko"
for name in _tables table_filter table_nat table_mangle table_raw; do
    modules="$modules net/ipv4/netfilter/ip$name.ko net/ipv6/netfilter/ip6$name.ko"
done
build olddefconfig
build modules_prepare
# Without the kernel's own objects modpost knows none of its symbols and warns of each; the kernel resolves them.
# shellcheck disable=SC2086 # the names have no spaces
build $modules
for module in $modules; do
    install -D -m 644 "$module" "$root/usr/lib/uml/modules/$release/kernel/$module"
done
rm -rf "$root/build"
