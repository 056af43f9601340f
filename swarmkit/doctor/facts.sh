# What the checks read beside the facts of every run; reads only. $1 is the engine's data directory, $2 "old" for an
# engine before 28.0, whose upgrade needs more of the kernel, $3 the data-path port in hexadecimal. Each process costs
# tens of milliseconds on a small host: the shell's own tests where they do, and one grep for all files.
section() { printf '\n== %s\n' "$1"; }
exists() { test -e "$1" || test -L "$1"; }
section links_and_policies
ip -j -d -batch - 2>/dev/null <<COMMANDS
link show
xfrm policy
COMMANDS
section space; stat -f -c '%S %b %a %c %d' "$1"
section modes
stat -c '%a %n' /etc/ssh/ssh_host_*_key /run/docker.sock "$1/swarm/certificates/swarm-node.key" 2>/dev/null

# The files of /proc/sys answer a whole read at once, and nothing to the shell's own read, a byte each.
section files
swarm=$1/swarm/certificates
files=$(grep -H '' /proc/sys/net/ipv4/ip_forward /proc/sys/net/bridge/bridge-nf-call-iptables \
    /proc/sys/net/netfilter/nf_conntrack_max /proc/sys/net/netfilter/nf_conntrack_count \
    /proc/sys/net/ipv4/ip_local_port_range /proc/sys/net/ipv4/conf/*/rp_filter \
    /sys/class/dmi/id/product_uuid /sys/class/dmi/id/sys_vendor /proc/meminfo \
    /etc/docker/daemon.json /etc/ssh/sshd_config.d/*.conf /etc/ssh/sshd_config /etc/ssh/ssh_host_*_key.pub \
    /etc/ufw/ufw.conf /etc/default/ufw /etc/nftables.conf /etc/sysconfig/nftables.conf \
    "$swarm/swarm-node.crt" "$swarm/swarm-root-ca.crt" \
    /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6 2>/dev/null)
printf '%s\n' "$files"

# Whose ports they are matters where the swarm's are taken and the host is no node yet: its certificate is there from
# then on. ss looks through all processes for it.
section holders
test -e "$swarm/swarm-node.crt" || case $files in
*:0949\ * | *:1F0A\ * | *:"$3"\ *) ss -H -lntup 2>/dev/null ;;
esac

section modules
read -r release </proc/sys/kernel/osrelease
if test -e /proc/modules && ! test -d "/lib/modules/$release"; then printf 'gone %s\n' "$release"; fi
vendor=''; if test -r /sys/class/dmi/id/sys_vendor; then read -r vendor </sys/class/dmi/id/sys_vendor; fi
case $vendor in VMware*) grep -o '^vmw_conn_notify ' /proc/modules ;; esac
test "$2" != old || modprobe -n -a ip_set ip_set_hash_net xt_set iptable_raw 2>&1

section drivers
for device in /sys/class/net/*/device/driver; do
    test -e "$device" || continue
    cd -P "$device" || continue
    name=${device#/sys/class/net/} name=${name%%/*} driver=$PWD offload=''
    case $driver in */vmxnet3) offload=$(ethtool -k "$name" 2>/dev/null | sed -n 's/.*tx-checksum-ip-generic: \([a-z]*\).*/\1/p') ;; esac
    printf '%s %s %s\n' "$name" "${driver##*/}" "$offload"
done

# A unit's links and its control group tell without asking systemd, which costs more than all of the above.
section units
for unit in /etc/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
    exists "$unit/docker.service" && printf 'docker there\n'
    for name in docker nftables; do
        for link in "$unit"/*.wants/"$name.service"; do exists "$link" && printf '%s enabled\n' "$name"; done
    done
done
for group in /sys/fs/cgroup /sys/fs/cgroup/systemd; do
    exists "$group/system.slice/firewalld.service" && printf 'firewalld active\n'
done

# The shell's read leaves out what stands between the words there, NUL.
section dockerd
pid=''; if test -r /run/docker.pid; then read -r pid </run/docker.pid; fi
for file in "/proc/$pid/cmdline" "/proc/$pid/environ"; do
    test -n "$pid" && test -r "$file" || continue
    while read -r words || test -n "$words"; do
        for sought in --iptables=false DOCKER_INSECURE_NO_IPTABLES_RAW=1; do
            case $words in *"$sought"*) printf '%s\n' "$sought" ;; esac
        done
        words=''
    done <"$file" 2>/dev/null
done
# Whether the clock is kept right, where something is installed that would keep it: chrony tells of itself, systemd of the
# kernel's own word, whoever gave it. Without either nothing is known, and nothing is told.
section time
if command -v chronyc >/dev/null && pidof chronyd >/dev/null; then timeout 3 chronyc -n tracking 2>/dev/null | grep '^Leap status'
elif exists /usr/lib/systemd/systemd-timesyncd || exists /lib/systemd/systemd-timesyncd || pidof ntpd openntpd >/dev/null
then timeout 3 timedatectl show -p NTPSynchronized 2>/dev/null
fi
section user; if test -w /proc/sys/kernel/hostname; then echo root; else echo other; fi
