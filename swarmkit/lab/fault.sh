# Break something inside a lab host, and mend it. Run as root there: sh -s -- VERB ARGUMENT...
set -eu
cable=vec0
ballast=/var/lib/docker/lab-ballast
lost=/etc/modprobe.d/lab-lost-

# Frames to ADDRESS are dropped on their way out, without a word to the sender. The number is the filter's preference.
drop() {
    tc qdisc replace dev $cable clsact
    tc filter replace dev $cable egress protocol ip pref "$2" u32 match ip dst "$1/32" action drop
}

drop_no_more() {
    for number in "$@"; do
        tc filter show dev $cable egress 2>/dev/null | grep -q "pref $number " || continue
        tc filter del dev $cable egress pref "$number"
        echo "sends to host number $number again"
    done
}

# fallocate takes blocks without writing them, root's reserve too, and keeps what it got when there are no more.
fill() {
    rm -f $ballast
    if [ "$1" -gt 0 ]; then fallocate -l "${1}MB" $ballast.room; fi
    fallocate -l 1TB $ballast 2>/dev/null || true
    rm -f $ballast.room
}

lose() {
    for module in "$@"; do
        modinfo "$module" >/dev/null
        echo "install $module /bin/false" >"$lost$module.conf"
        modprobe -r "$module" 2>/dev/null || true
        if [ -e "/sys/module/$module" ]; then echo "$module"; fi
    done
}

# What is wrong here, a line each; host numbers for their names.
tell() {
    tc filter show dev $cable egress 2>/dev/null | sed -n 's/^filter .*pref \([0-9]*\) .*/drops \1/p' | sort -u
    tc qdisc show dev $cable | sed -n 's/ seed [0-9]*//; s/.*netem .*limit 10000 /line /p'
    if [ -e $ballast ]; then echo "disk"; fi
    for file in "$lost"*.conf; do
        [ -e "$file" ] || continue
        module=${file#"$lost"}
        echo "lost ${module%.conf}"
    done
    off=$(($(date +%s) - $1))
    if [ $off -gt 5 ] || [ $off -lt -5 ]; then echo "clock $off"; fi
}

heal_line() {
    if tc qdisc show dev $cable | grep -q clsact; then
        tc qdisc del dev $cable clsact
        echo 'sends to every host again'
    fi
    if tc qdisc show dev $cable | grep -q netem; then
        tc qdisc del dev $cable root
        echo 'sends at full speed again'
    fi
}

heal() {
    if [ -e $ballast ]; then
        rm $ballast
        echo 'disk has room again'
    fi
    for file in "$lost"*.conf; do
        [ -e "$file" ] || continue
        rm "$file"
        module=${file#"$lost"} module=${module%.conf}
        modprobe "$module"
        echo "has $module again"
    done
    off=$(($(date +%s) - $1))
    date -s "@$1" >/dev/null
    # A host of the lab is seconds off by itself when the machine is busy.
    if [ $off -gt 5 ] || [ $off -lt -5 ]; then echo "clock was $off s off"; fi
}

case $1 in
drop) drop "$2" "$3" ;;
drop-no-more) shift; drop_no_more "$@" ;;
skew) date -s "@$2" >/dev/null ;;
fill) fill "$2" ;;
slow) shift; tc qdisc replace dev $cable root netem limit 10000 "$@" ;;
lose) shift; lose "$@" ;;
heal-line) heal_line ;;
heal) heal "$2" ;;
tell) tell "$2" ;;
esac
