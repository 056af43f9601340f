# Facts of one host, a section each; reads only. $1 says whether the kernel's features are tried as well: "always",
# "never", or "auto": only while the host is in no swarm.
section() { printf '\n== %s\n' "$1"; }
# The shell's own read instead of cat, one ip instead of two: each process costs tens of milliseconds on a small host.
line() { if IFS= read -r value <"$1"; then printf '%s\n' "$value"; fi; }
section clock; date +%s.%N
section machine_id; test ! -r /etc/machine-id || line /etc/machine-id
section hostname; line /proc/sys/kernel/hostname
section addresses_and_routes
ip -j -batch - <<COMMANDS
addr show
route show
COMMANDS
case "$1" in
always) ;;
auto) test -s /var/lib/docker/swarm/docker-state.json && exit 0 ;;
*) exit 0 ;;
esac

# What Docker will program for an encrypted overlay and for service VIPs, tried in a throw-away network namespace
# (HAZARDS.md 0.2). A feature prints "ok", or what the kernel said.
try() { name=$1; shift; said=$("$@" 2>&1) && said=ok; section "kernel.$name"; printf '%s\n' "${said:-failed}"; }
for module in xfrm_user xfrm_algo esp4 vxlan ip_vs xt_bpf xt_policy; do modprobe -q "$module" 2>/dev/null; done
try esp unshare -n ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x100 reqid 1 mode transport \
    aead 'rfc4106(gcm(aes))' 0x0000000000000000000000000000000000000000 64
try policy unshare -n ip xfrm policy add src 192.0.2.1 dst 192.0.2.2 proto udp dport 4789 dir out mark 0xd0c4e3 \
    tmpl proto esp mode transport reqid 1
try vxlan unshare -n ip link add vx0 type vxlan id 4097 dstport 4789
try mark unshare -n iptables -t mangle -A OUTPUT -p udp --dport 4789 -m bpf --bytecode '1,6 0 0 0' -j MARK --set-mark 1
try refuse unshare -n iptables -I INPUT -m policy --dir in --pol none -p udp --dport 4789 -j DROP
section kernel.ipvs; if test -e /proc/net/ip_vs; then echo ok; else echo 'no /proc/net/ip_vs'; fi
