# What bash tries where neither perl nor python3 is: connections to every peer, and the path's MTU by ping. It hears
# nothing and sends no packet of its own making, so ESP and UDP are not tried. Changes nothing.
#
# Arguments as of paths.pl. Prints: "bare", "tcp TO PORT ok|Connection refused|timeout|...", and where ping is there
# "pinged TO full" for a frame of the link's size that must not be fragmented, else "pinged TO N" for each of N bytes
# that came back.
LC_ALL=C
own=$2 mtu=$5
shift 5

connect() {
  local said
  said=$(timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$2" "$3" 2>&1)
  case $? in
    0) said=ok ;;
    124) said=timeout ;;
    *) said=${said%%$'\n'*} said=${said##*: } ;;
  esac
  printf 'tcp %s %s %s\n' "$1" "$3" "$said"
}

comes_back() { ping -q -n -c 1 -W 2 -M do -I "$1" -s $(($3 - 28)) "$2" >/dev/null 2>&1; }

ping_sizes() {
  local size
  comes_back "$2" "$3" "$mtu" || comes_back "$2" "$3" "$mtu" && { printf 'pinged %s full\n' "$1"; return; }
  for size in 8900 1500 1480 1460 1450 1420 1400 1380 1280; do
    ((size < mtu)) && { comes_back "$2" "$3" "$size" && printf 'pinged %s %s\n' "$1" "$size"; } &
  done
  wait
}

for peer; do
  IFS=, read -r index _ data _ <<<"$peer"
  [[ $index == "$own" ]] && source=$data
done
# Those that hear packets have begun by then: a refusal is known to be theirs when the other heard what it answers.
sleep 1
printf 'bare\n'
for peer; do
  IFS=, read -r index advertise data is_manager <<<"$peer"
  [[ $index == "$own" ]] && continue
  connect "$index" "$advertise" 7946 &
  ((is_manager)) && connect "$index" "$advertise" 2377 &
  command -v ping >/dev/null && ping_sizes "$index" "$source" "$data" &
done
wait
printf 'end\n'
