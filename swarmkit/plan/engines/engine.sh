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
