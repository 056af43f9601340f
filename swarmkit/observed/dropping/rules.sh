# All rules of a host by which a packet may be dropped; reads only.
section() { printf '\n== %s\n' "$1"; }
section addresses; ip -o -4 addr
one=$(command -v iptables-save); legacy=$(command -v iptables-legacy-save)
[ -n "$one" ] && { section iptables; "$one" 2>/dev/null; }
# Where iptables is the legacy one by itself, both are one program that prints the same.
[ -n "$legacy" ] && ! [ "$legacy" -ef "$one" ] && { section iptables-legacy; "$legacy" 2>/dev/null; }
command -v nft >/dev/null && { section nft; printf 'ruleset\n'; nft list ruleset 2>/dev/null; }
section end
