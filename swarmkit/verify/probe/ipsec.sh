# Shared by look.sh and probe.sh. What the kernel holds of Docker's encryption; reads only.
LC_ALL=C
section() { printf '\n== %s\n' "$1"; }

# A state's keys stand on lines of their own ("aead", "auth", "enc"): only the lines named here leave the host.
without_keys() {
  for line in "${lines[@]}"; do
    line=${line#"${line%%[![:space:]]*}"}
    case $line in 'src '* | 'proto esp '* | 'dir '* | 'mark '* | *'(bytes), '*'(packets)') printf '%s\n' "$line" ;; esac
  done
}

# reqid 13681891 is Docker's own mark on its states (moby libnetwork/drivers/overlay/encryption.go).
esp_states() {
  section states
  mapfile -t lines < <(exec ip -s xfrm state list nokeys reqid 13681891 2>/dev/null)
  wait $! || mapfile -t lines < <(exec ip -s xfrm state list reqid 13681891)
  wait $! || printf 'unreadable\n'
  without_keys
  section xfrm_stat
  printf '%s\n' "$(</proc/net/xfrm_stat)"
}

esp_policies() {
  section policies
  mapfile -t lines < <(exec ip xfrm policy list)
  wait $! || printf 'unreadable\n'
  without_keys
}

firewall() {
  section mangle
  iptables -w 5 -t mangle -S OUTPUT || printf 'unreadable\n'
  section input
  iptables -w 5 -S INPUT || printf 'unreadable\n'
}
