# What a host's containers listen on, and its encryption before the probes; reads only.
# On stdin a line each: "listen PID", "ipsec", "published", "certificate FILE".
listening() {
  section "listen.$1"
  [[ -r /proc/$1/net/tcp ]] || { printf 'gone\n'; return; }
  for table in "/proc/$1/net/tcp" "/proc/$1/net/tcp6"; do
    [[ -r $table ]] && while read -r _ address _ state _; do
      [[ $state == 0A ]] && printf '%s\n' "$address"
    done <"$table"
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

section tools
for tool in nsenter timeout ip iptables perl; do
  command -v "$tool" >/dev/null || printf '%s\n' "$tool"
done
firewalls 2>/dev/null
mapfile -t wanted
for entry in "${wanted[@]}"; do
  read -r word value <<<"$entry"
  case $word in
    listen) listening "$value" ;;
    ipsec) esp_states; esp_policies; firewall ;;
    certificate) section certificate; [[ -r $value ]] && printf '%s\n' "$(<"$value")" ;;
    published) section nat; iptables -w 5 -t nat -S || printf 'unreadable\n' ;;
  esac
done
section end
