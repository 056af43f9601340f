# Facts of one host, a section each; reads only, but for the modules that it loads to try what the kernel can do. $1 says
# whether that is tried as well: "always", "never", or "auto": only while the host is in no swarm.
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
# Whether the agent of the swarm's gossip listens: it has the port in both protocols or in none, and to read
# /proc/net/tcp walks a table as large as the host's memory makes it. Whose the port is matters where the host is in no
# swarm; ss looks through all processes for it.
section gossip
if grep -qE ': [0-9A-F]+:1F0A [0-9A-F]+:0000 07 ' /proc/net/udp /proc/net/udp6 2>/dev/null; then
    echo heard
    test -s /var/lib/docker/swarm/docker-state.json || ss -H -lntup 'sport = :7946' 2>/dev/null
fi
# Images whose load has not come to its end (swarmkit/plan/stacks/image_loads.py): each with its boot and tag.
section loads
for note in /var/lib/swarmkit/loads/*; do
    test -f "$note" || continue
    value=''
    IFS= read -r value <"$note"
    printf '%s %s\n' "${note##*/}" "$value"
done
case "$1" in
always) ;;
auto) test -s /var/lib/docker/swarm/docker-state.json && exit 0 ;;
*) exit 0 ;;
esac

# Without root nothing of it can be tried, and what was not tried is not told.
test -w /proc/sys/kernel/hostname || exit 0

# What Docker will program for an encrypted overlay, for service VIPs and for the routing mesh, tried in one throw-away
# network namespace (HAZARDS.md 0.2; moby libnetwork/service_linux.go). All at once first, which is what a good kernel
# takes; what fails is tried alone. The modules are those that dockerd loads for the same; they stay, as another may use
# one by now: the engine, or a run of ours beside this one. A feature prints "ok", or what the kernel said.
absent=''
for module in xfrm_user xfrm_algo esp4 vxlan xt_bpf xt_policy ip_vs ip_vs_rr xt_ipvs; do
    test -d "/sys/module/$module" || absent="$absent $module"
done
unloaded='' lacking=''
test -z "$absent" || unloaded=$(modprobe -a $absent 2>&1)
section kernel.ipvs; if test -e /proc/net/ip_vs; then echo ok; else echo 'no /proc/net/ip_vs'; lacking=yes; fi
export unloaded lacking
unshare -n /bin/sh <<'TRIES' || true
section() { printf '\n== %s\n' "$1"; }
ok() { for name; do section "kernel.$name"; echo ok; done; }
try() {
    name=$1; shift
    said=$("$@" 2>&1) && said=ok
    test "$said" = ok || lacking=yes
    section "kernel.$name"; printf '%s\n' "${said:-failed}"
}
esp="xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x100 reqid 1 mode transport aead rfc4106(gcm(aes)) \
0x0000000000000000000000000000000000000000 64"
policy="xfrm policy add src 192.0.2.1 dst 192.0.2.2 proto udp dport 4789 dir out mark 0xd0c4e3 \
tmpl proto esp mode transport reqid 1"
vxlan="link add vx0 type vxlan id 4097 dstport 4789"
if ip -batch - 2>/dev/null <<COMMANDS
$esp
$policy
$vxlan
COMMANDS
then
    ok esp policy vxlan
else
    set -f
    ip xfrm state flush; ip xfrm policy flush; ip link del vx0 2>/dev/null
    try esp ip $esp
    try policy ip $policy
    try vxlan ip $vxlan
fi
mark="-A OUTPUT -p udp --dport 4789 -m bpf --bytecode \"1,6 0 0 0\" -j MARK --set-mark 1"
older="-A OUTPUT -p udp --dport 4789 -m u32 --u32 \"0>>22&0x3C@12&0xFFFFFF00=256\" -j MARK --set-mark 1"
refuse="-A INPUT -m policy --dir in --pol none -p udp --dport 4789 -j DROP"
enter="-A PREROUTING -p tcp --dport 8080 -j MARK --set-mark 0x100"
leave="-A POSTROUTING -d 192.0.2.0/24 -m ipvs --ipvs -j SNAT --to-source 192.0.2.1"
redirect="-A PREROUTING -d 192.0.2.1 -p tcp --dport 8080 -j REDIRECT --to-ports 80"
# The engine writes rules at the same time, and the lock is one for all namespaces. Before 1.6.2 there is no -w.
wait='-w 5'
restore() { printf '%s\n' "$@" | iptables-restore $wait; }
if iptables-restore $wait 2>/dev/null <<RULES
*mangle
$mark
$enter
COMMIT
*filter
$refuse
COMMIT
*nat
$leave
$redirect
COMMIT
RULES
then
    ok mark refuse mesh
else
    iptables-restore $wait </dev/null >/dev/null 2>&1 || wait=''
    try mark restore '*mangle' "$mark" COMMIT
    # What engines before 24.0 write where there is no bpf (moby overlay/encryption_u32.go).
    test "$said" = ok || try u32 restore '*mangle' "$older" COMMIT
    try refuse restore '*filter' "$refuse" COMMIT
    try mesh restore '*mangle' "$enter" COMMIT '*nat' "$leave" "$redirect" COMMIT
fi
test -n "$lacking" || exit 0

# Why a module did not load decides what helps: a line that forbids it, a package that is not there, or a kernel that
# takes none any more. modprobe says nothing where such a line runs /bin/true.
section modules.said; printf '%s\n' "$unloaded"; modprobe -n -a gcm seqiv 2>&1
section modules.rules; set +f
grep -HE '^[[:space:]]*(install|blacklist)[[:space:]]' /etc/modprobe.d/*.conf /run/modprobe.d/*.conf \
    /usr/local/lib/modprobe.d/*.conf /lib/modprobe.d/*.conf 2>/dev/null
section modules.system; test ! -r /etc/os-release || { . /etc/os-release; printf '%s\n' "$ID ${ID_LIKE:-}"; }
section modules.disabled; cat /proc/sys/kernel/modules_disabled 2>/dev/null
TRIES
