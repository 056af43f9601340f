# What a host's containers listen on, and its encryption before the probes; reads only.
# On stdin a line each: "listen PID", "stopped PID", "datagrams PID", "ipsec", "published", "mesh", "vips NETWORK_ID",
# "certificate FILE", "links NETWORK_ID", "routes PID".
in_state() {
  [[ -r /proc/$1/net/$2 ]] || { printf 'gone\n'; return; }
  for table in "/proc/$1/net/$2" "/proc/$1/net/${2}6"; do
    [[ -r $table ]] && while read -r _ address _ state _; do
      [[ $state == "$3" ]] && printf '%s\n' "$address"
    done <"$table"
  done
}

# Whether each of a container's processes below its first one, or that alone, is stopped by a signal.
stopped() {
  local process children=() line state
  [[ -r /proc/$1/task/$1/children ]] && read -ra children <"/proc/$1/task/$1/children"
  for process in "$1" "${children[@]}"; do
    line=$(</proc/"$process"/stat) || continue
    line=${line##*) }
    state+=${line:0:1}
  done 2>/dev/null
  [[ $state =~ ^(T|.T+)$ ]] && printf 'stopped\n'
}

# In the namespace by which the engine leads requests for published ports to tasks.
mesh() {
  section mesh_rules
  local said
  said=$(exec nsenter --net=/run/docker/netns/ingress_sbox bash -c '
    iptables -w 5 -t mangle -S PREROUTING || printf "unreadable\n"
    printf "== mesh_services\n%s\n" "$(</proc/net/ip_vs)"' 2>/dev/null) || printf 'unreadable\n'
  printf '%s\n' "$said"
}

# In the namespace by which the engine leads requests to a network's VIPs to tasks: named by the network's ID, twelve
# characters in all.
vips() {
  section "vip_rules.$1"
  local said
  said=$(exec nsenter --net="/run/docker/netns/lb_${1:0:9}" bash -c '
    iptables -w 5 -t mangle -S INPUT || printf "unreadable\n"
    printf "== vip_services.%s\n%s\n" "$0" "$(</proc/net/ip_vs)"' "$1" 2>/dev/null) || printf 'unreadable\n'
  printf '%s\n' "$said"
}

# The links of an overlay network, in the namespace that the engine keeps for it.
links() {
  local namespace
  # Named by the number of its start on this host and the network's ID, twelve characters in all.
  for namespace in /run/docker/netns/[0-9]*-"${1:0:9}"*; do
    [[ -e $namespace ]] && nsenter --net="$namespace" ip -d -o link show
  done
}

# Who else than Docker writes rules here: firewalld by its control group, ufw by its file, nftables by chains of its own.
firewalls() {
  section firewalls
  for group in /sys/fs/cgroup /sys/fs/cgroup/systemd; do
    [[ -e $group/system.slice/firewalld.service ]] && printf 'firewalld\n'
  done
  [[ -r /etc/ufw/ufw.conf && $'\n'$(</etc/ufw/ufw.conf)$'\n' == *$'\nENABLED=yes\n'* ]] && printf 'ufw\n'
  command -v nft >/dev/null && nft list chains
}

section user
printf '%s\n' "$EUID"
section tools
for tool in nsenter timeout ip iptables perl; do
  command -v "$tool" >/dev/null || printf '%s\n' "$tool"
done
command -v python3 >/dev/null || [[ -x /usr/libexec/platform-python ]] || printf 'python3\n'
firewalls 2>/dev/null
mapfile -t wanted
for entry in "${wanted[@]}"; do
  read -r word value <<<"$entry"
  case $word in
    listen) section "listen.$value"; in_state "$value" tcp 0A ;;
    stopped) section "stopped.$value"; stopped "$value" ;;
    datagrams) section "datagrams.$value"; in_state "$value" udp 07 ;;
    mesh) mesh ;;
    vips) vips "$value" ;;
    ipsec) esp_states; esp_policies; firewall ;;
    links) section "links.$value"; links "$value" 2>/dev/null ;;
    routes) section "routes.$value"; [[ -r /proc/$value/net/route ]] && printf '%s\n' "$(</proc/"$value"/net/route)" ;;
    certificate) section certificate; [[ -r $value ]] && printf '%s\n' "$(<"$value")" ;;
    published) section nat; iptables -w 5 -t nat -S || printf 'unreadable\n' ;;
  esac
done
section end
