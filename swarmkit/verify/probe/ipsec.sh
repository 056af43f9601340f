# Shared by look.sh and probe.sh. What the kernel holds of Docker's encryption; reads only.
LC_ALL=C
section() { printf '\n== %s\n' "$1"; }

# A state's keys stand on lines of their own ("aead", "auth", "enc"): only the lines named here leave the host.
without_keys() {
  local IFS=$'\n' line
  set -f
  for line in $1; do
    line=${line#"${line%%[![:space:]]*}"}
    case $line in
      'src '* | 'proto esp '* | 'dir '* | 'mark '* | *'(bytes), '*'(packets)' | 'replay-window '*' failed '*) ;;
      *) continue ;;
    esac
    printf '%s\n' "$line"
  done
  set +f
}

# What lists is a $(...) and no <(...): bash's wait for that now and then gives -1 for a process that ended with 0.
# reqid 13681891 is Docker's own mark on its states (moby libnetwork/drivers/overlay/encryption.go).
esp_states() {
  local listed
  section states
  listed=$(exec ip -s xfrm state list nokeys reqid 13681891 2>/dev/null) ||
    listed=$(exec ip -s xfrm state list reqid 13681891) || printf 'unreadable\n'
  without_keys "$listed"
  section xfrm_stat
  printf '%s\n' "$(</proc/net/xfrm_stat)"
}

esp_policies() {
  local listed
  section policies
  listed=$(exec ip xfrm policy list) || printf 'unreadable\n'
  without_keys "$listed"
}

firewall() {
  section mangle
  iptables -w 5 -t mangle -S OUTPUT || printf 'unreadable\n'
  section input
  iptables -w 5 -S || printf 'unreadable\n'
}
