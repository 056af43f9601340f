# Asks and connects from inside network namespaces, all at once; connections are closed as soon as they stand.
# On stdin a line each: "in PID" begins a namespace (1: the host's own), then "dns KEY ADDRESS PORT QUERY" and
# "tcp KEY ADDRESS PORT"; "ipsec" asks for the ESP states when all has been tried,
# "wire PORT VNIS DEVICE PEER..." before all others what crosses the cable meanwhile. Answers: "dns KEY HEX",
# "tcp KEY ok" or "tcp KEY what the kernel said"; what is not answered in time has no line. "lost PID CODE": the
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
    ((code == 0 || code == 124)) || printf 'lost %s %s\n' "$pid" "$code"
  } &
  probing+=($!)
}

# Watches the data interface until the probes have ended. Read through a descriptor: "wait" would wait for it as well.
watch_wire() {
  command -v perl >/dev/null || { watched='lost perl is not there'; return; }
  exec {wire}< <(exec perl -e "$WIRE" "$@" 2>&1)
  watcher=$!
  read -r -t 3 -u "$wire" watched
}

wire_seen() {
  section wire
  printf '%s\n' "$watched"
  [[ $watcher ]] || return
  kill "$watcher" 2>/dev/null
  while read -r -t 3 -u "$wire" watched; do printf '%s\n' "$watched"; done
}

export LC_ALL
export -f ask connect try_all
mapfile -t wanted
ipsec='' watched='' watcher='' group=() probing=()
section answers
for entry in "${wanted[@]}"; do
  case $entry in
    in\ *) enter "${group[@]}"; group=("${entry#in }") ;;
    ipsec) ipsec=yes ;;
    wire\ *) read -ra watching <<<"${entry#wire }"; watch_wire "${watching[@]}" ;;
    ?*) group+=("$entry") ;;
  esac
done
enter "${group[@]}"
((${#probing[@]} == 0)) || wait "${probing[@]}"
[[ ! $watched ]] || wire_seen
[[ $ipsec ]] && esp_states
section end
