#!/bin/bash
# Tells the lab's gateway which TCP ports this host listens on and whether its engine is ready, so that the lab can
# publish the same ports on the operator's loopback. Builtins only: no process is started, a turn costs well under 1 ms.
# usage: swarmkit-lab-report NAME GATEWAY
name=$1 gateway=$2 last='' quiet=0
mkfifo -m 600 /run/swarmkit-lab-idle 2>/dev/null
exec {idle}<>/run/swarmkit-lab-idle

listening_ports() {
    local -A ports=()
    local lines line fields file
    for file in /proc/net/tcp /proc/net/tcp6; do
        mapfile -t lines < "$file"
        for line in "${lines[@]:1}"; do
            [[ $line == *" 0A "* ]] || continue
            read -ra fields <<< "$line"
            # 0A is LISTEN (linux/include/net/tcp_states.h); addresses are hexadecimal, in the machine's byte order.
            [[ ${fields[3]} == 0A && ${fields[1]} != *7F:* && ${fields[1]} != *01000000:* ]] || continue
            ports[$((16#${fields[1]##*:}))]=1
        done
    done
    reply="${!ports[*]}"
}

while :; do
    listening_ports
    engine=starting
    [[ -e /run/swarmkit-lab-engine ]] && engine=ready
    report="$name $engine $reply"
    if [[ $report != "$last" || $quiet -ge 10 ]]; then
        echo "$report" > "/dev/udp/$gateway/7488" 2>/dev/null && last=$report
        quiet=0
    fi
    quiet=$((quiet + 1))
    read -rt 0.3 -u "$idle" _
done
