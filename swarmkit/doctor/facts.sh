# What the checks read beside the facts of every run; reads only. $1 is the engine's data directory.
section() { printf '\n== %s\n' "$1"; }
value() { if test -r "$2" && IFS= read -r said <"$2"; then printf '%s %s\n' "$1" "$said"; fi; }
section links; ip -j -d link show
section policies; ip xfrm policy 2>/dev/null
section disk; df -Pk "$1"
section inodes; df -Pi "$1"
section kernel
value ip_forward /proc/sys/net/ipv4/ip_forward
value rp_filter /proc/sys/net/ipv4/conf/all/rp_filter
value bridge_nf /proc/sys/net/bridge/bridge-nf-call-iptables
value conntrack_max /proc/sys/net/netfilter/nf_conntrack_max
value conntrack_count /proc/sys/net/netfilter/nf_conntrack_count
value product_uuid /sys/class/dmi/id/product_uuid
section boot; systemctl is-enabled docker.service 2>/dev/null
section drivers
for device in /sys/class/net/*/device/driver; do
    test ! -e "$device" || { name=${device#/sys/class/net/}; echo "${name%%/*} $(readlink -f "$device")"; }
done
section certificate; test ! -r "$1/swarm/certificates/swarm-node.crt" || cat "$1/swarm/certificates/swarm-node.crt"
