# Asks and connects from inside network namespaces, all at once; connections are closed as soon as they stand.
# On stdin a line each: "in PID" begins a namespace (1: the host's own), then "dns KEY ADDRESS PORT QUERY" and
# "tcp KEY ADDRESS PORT"; "patience SECONDS" is how long an answer may take; "ipsec" asks for the ESP states when all has
# been tried; lines that begin with "cable" go to $CABLE, a program in the language $SPEAKS, which runs meanwhile. Answers: "dns KEY HEX",
# "tcp KEY ok" or "tcp KEY what the kernel said"; what is not answered in time has no line. "lost PID WHY": the
# namespace could not be entered.
PATIENCE_SECONDS=3.5

# Over TCP: bash cannot read a datagram whole. The resolver serves both by one handler (moby libnetwork/resolver.go).
ask() {
  local key=$1 hex='' size=0 count=0 byte digits
  { exec 4<>"/dev/tcp/$2/$3"; } 2>/dev/null || return
  printf '%b' "$4" >&4
  while IFS= read -r -d '' -n 1 -u 4 byte; do
    printf -v digits %02x "'$byte"
    hex+=$digits
    ((++count == 2)) && size=$((16#$hex + 2))
    ((count == size)) && break
  done
  exec 4>&-
  printf 'dns %s %s\n' "$key" "$hex"
}

connect() {
  local said=ok
  # A process costs time on a small host: only what fails is tried once more for the kernel's answer, in another shell.
  { exec 5<>"/dev/tcp/$2/$3"; } 2>/dev/null || said=$({ exec 5<>"/dev/tcp/$2/$3"; } 2>&1 && printf ok)
  printf 'tcp %s %s\n' "$1" "${said##*: }"
}

try_all() {
  local entry words
  for entry; do
    read -ra words <<<"$entry"
    case ${words[0]} in
      dns) ask "${words[@]:1}" & ;;
      tcp) connect "${words[@]:1}" & ;;
    esac
  done
  wait
}

enter() {
  (($# > 1)) || return
  local pid=$1
  shift
  {
    timeout "$PATIENCE_SECONDS" nsenter -t "$pid" -n bash -c 'try_all "$@"' bash "$@"
    local code=$?
    ((code == 0 || code == 124)) || printf 'lost %s nsenter ended with %s\n' "$pid" "$code"
  } &
  probing+=($!)
}

# Without perl and python tcpdump counts what crosses the cable; nothing can be sent or heard between containers then.
count_by_tcpdump() {
  local port=$1 device=$3 line from to peer kind frames pid
  local -A sent received
  exec {frames}< <(exec timeout 15 tcpdump -lnnt -T vxlan -i "$device" -s 128 "ip proto 50 or udp dst port $port" 2>&1)
  pid=$!
  trap 'kill "$pid"' TERM
  printf 'without marks\n'
  while read -r -u "$frames" line; do
    [[ $line =~ ^IP\ ([0-9.]+)\ \>\ ([0-9.]+):\ (ESP|VXLAN.*vni\ ([0-9]+)) ]] || continue
    from=${BASH_REMATCH[1]} to=${BASH_REMATCH[2]} kind=esp
    if [[ ${BASH_REMATCH[4]} ]]; then kind=clear.${BASH_REMATCH[4]} from=${from%.*} to=${to%.*}; fi
    sent[$kind $to]=$((${sent[$kind $to]:-0} + 1))
    received[$kind $from]=$((${received[$kind $from]:-0} + 1))
  done
  for peer in "${@:4}"; do
    printf 'esp %s %s %s\n' "$peer" "${sent[esp $peer]:-0}" "${received[esp $peer]:-0}"
    for kind in ${2//:/ }; do
      line="${sent[clear.$kind $peer]:-0} ${received[clear.$kind $peer]:-0}"
      [[ $line == '0 0' ]] || printf 'clear %s %s %s\n' "$peer" "$kind" "$line"
    done
  done
  printf 'end\n'
}

speak() {
  [[ $SPEAKS == perl ]] && exec perl -e "$CABLE"
  command -v python3 >/dev/null && exec python3 -IS -c "$CABLE"
  exec /usr/libexec/platform-python -IS -c "$CABLE"
}

# Watches the data interface until the probes have ended. Read through a descriptor: "wait" would wait for it as well.
watch_cable() {
  local entry
  if [[ $SPEAKS ]]; then
    exec {cable}< <(speak 2>&1 < <(printf '%s\n' "$@"))
    watcher=$!
    read -r -t 5 -u "$cable" watched
    return
  fi
  for entry; do [[ $entry == watch\ * ]] && read -ra watching <<<"${entry#watch }"; done
  if [[ ! ${watching[*]} ]]; then watched='without marks'; return; fi
  if ! command -v tcpdump >/dev/null; then watched='lost 0 neither perl, python3 nor tcpdump is there'; return; fi
  exec {cable}< <(count_by_tcpdump "${watching[@]}")
  watcher=$!
  read -r -t 5 -u "$cable" watched
  sleep 0.5
}

cable_seen() {
  section cable
  printf '%s\n' "$watched"
  [[ $watcher ]] || return
  kill "$watcher" 2>/dev/null
  while read -r -t 15 -u "$cable" watched; do printf '%s\n' "$watched"; done
}

export LC_ALL
export -f ask connect try_all
mapfile -t wanted
ipsec='' watched='' watcher='' cabling=() watching=() group=() probing=()
for entry in "${wanted[@]}"; do
  [[ $entry != cable\ * ]] || cabling+=("${entry#cable }")
done
((${#cabling[@]} == 0)) || watch_cable "${cabling[@]}"
section answers
for entry in "${wanted[@]}"; do
  case $entry in
    in\ *) enter "${group[@]}"; group=("${entry#in }") ;;
    ipsec) ipsec=yes ;;
    patience\ *) PATIENCE_SECONDS=${entry#patience } ;;
    cable\ *) ;;
    ?*) group+=("$entry") ;;
  esac
done
enter "${group[@]}"
((${#probing[@]} == 0)) || wait "${probing[@]}"
[[ ! $watched ]] || cable_seen
[[ $ipsec ]] && esp_states
section end
