# All rules of a host by which a packet may be dropped; reads only.
section() { printf '\n== %s\n' "$1"; }
section addresses; ip -o -4 addr
for tool in iptables iptables-legacy; do
    command -v "$tool-save" >/dev/null && { section "$tool"; "$tool-save" 2>/dev/null; }
done
command -v nft >/dev/null && { section nft; printf 'ruleset\n'; nft list ruleset 2>/dev/null; }
section end
