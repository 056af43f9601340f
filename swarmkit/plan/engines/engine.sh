# What every script begins with that stops and starts an engine.
is_stopped() { case "$(systemctl is-active docker </dev/null || :)" in inactive | failed) ;; *) return 1 ;; esac; }
stop_engine() {
    # The socket first and alone: together the service stops first, and who asks for the engine meanwhile starts it again.
    systemctl stop --job-mode=ignore-dependencies docker.socket </dev/null >&2
    systemctl stop docker </dev/null >&2
    is_stopped || { echo "docker did not stop: $(systemctl is-active docker </dev/null)" >&2; exit 1; }
}
# Docker's unit may be started three times a minute (StartLimitBurst of its docker.service), by whomever: the fourth start
# is refused as "attempted too often", and would leave an engine down that nothing ails.
count_anew() { systemctl reset-failed docker.socket docker </dev/null >/dev/null 2>&1 || :; }
start_engine() {
    count_anew
    systemctl start docker.socket docker </dev/null >&2
}
restart_engine() {
    count_anew
    systemctl restart docker </dev/null >&2
}
# An unlocked engine ends its network agent and begins it anew in two goroutines, and stays without where the second
# overtakes the first (moby 26.1: Cluster.UnlockSwarm sends EventNodeLeave, upon which Controller.agentClose takes back the
# provider that newNodeRunner has set meanwhile). On one processor Go runs one of them at a time, and one unlocking in six
# ended so; of 39 with two none did.
restart_engine_for_its_agent() {
    [ "$(nproc)" -gt 1 ] && { restart_engine; return; }
    folder=/run/systemd/system/docker.service.d
    mkdir -p "$folder" && printf '[Service]\nEnvironment=GOMAXPROCS=2\n' > "$folder/swarmkit-agent.conf" || return
    systemctl daemon-reload
    restart_engine
    restarted=$?
    rm "$folder/swarmkit-agent.conf"
    systemctl daemon-reload
    return "$restarted"
}
