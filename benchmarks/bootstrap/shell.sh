#!/usr/bin/env bash
# The same cluster and stack by hand: OpenSSH with control masters, the docker command on the hosts, all that can overlap
# side by side, a look every 0.2 s. Expects: KEY, KNOWN_HOSTS, PASSWORD_FILE; SSH_A, DATA_A (B, C likewise), the addresses
# for SSH and between the hosts; IMAGE_FRONTEND, IMAGE_BACKEND, IMAGE_DATABASE, the images' IDs.
set -euo pipefail

masters=$(mktemp -d)
options=(-i "$KEY" -o "UserKnownHostsFile=$KNOWN_HOSTS" -o StrictHostKeyChecking=yes -o BatchMode=yes
    -o LogLevel=ERROR -o "ControlPath=$masters/%h")

on() { # on HOST COMMAND: HOST is a variable's name, SSH_A for one
    local address=${!1}
    shift
    # shellcheck disable=SC2029 # what is expanded here is meant to be
    ssh "${options[@]}" "root@$address" "$@"
}

close_masters() {
    for host in SSH_A SSH_B SSH_C; do
        ssh "${options[@]}" -O exit "root@${!host}" 2>/dev/null || true
    done
    rm -rf "$masters"
}
trap close_masters EXIT

await_all() { # await_all PID...: unlike wait, fails when one of them did
    local job
    for job; do wait "$job"; done
}

join() {
    on "$1" "docker swarm join --token $token --advertise-addr $2 --data-path-addr $2 $DATA_A:2377" >/dev/null
}

# shellcheck disable=SC2016 # expanded on the host
await_service='until docker service ps --filter desired-state=running --format "{{.CurrentState}}" "$service" |
    grep -q ^Running; do sleep 0.2; done'

common='--detach --quiet --no-resolve-image --cap-drop ALL --restart-condition any --health-timeout 4s '
slow='--health-interval 10s --health-retries 3'

opened=()
for host in SSH_A SSH_B SSH_C; do
    ssh "${options[@]}" -fNM "root@${!host}" &
    opened+=($!)
done
await_all "${opened[@]}"

# The answer to init holds the workers' token: that saves a call.
token=$(on SSH_A "docker swarm init --advertise-addr $DATA_A --data-path-addr $DATA_A --default-addr-pool 10.20.0.0/16" |
    grep -o 'SWMTKN-[^ ]*')

join SSH_B "$DATA_B" &
join_b=$!
join SSH_C "$DATA_C" &
join_c=$!
on SSH_A "docker network create --driver overlay --opt encrypted shop_shop" >/dev/null &
network=$!
on SSH_A "docker secret create shop_db_password -" <"$PASSWORD_FILE" >/dev/null &
secret=$!
on SSH_A "docker node update --label-add role=frontend A" >/dev/null &
label_a=$!

await_all "$network" "$secret"
on SSH_A "docker service create $common $slow --health-start-interval 1s --name shop_database --network name=shop_shop,alias=database \
    --secret source=shop_db_password,target=db_password,uid=999,gid=999,mode=0400 \
    --env POSTGRES_PASSWORD_FILE=/run/secrets/db_password --ulimit nofile=65536:65536 \
    --mount type=volume,source=shop_database-data,target=/var/lib/postgresql/data \
    --health-cmd 'pg_isready -q -h 127.0.0.1 -U shop -d shop' --health-start-period 60s \
    --stop-grace-period 60s --replicas-max-per-node 1 --constraint 'node.labels.role == database' \
    --limit-cpu 1.00 --limit-memory 256M --reserve-cpu 0.10 --reserve-memory 96M --restart-delay 3s \
    --update-order stop-first --update-failure-action pause --update-monitor 90s $IMAGE_DATABASE" >/dev/null &
database=$!

await_all "$join_c"
on SSH_A "docker node update --label-add role=database C" >/dev/null &
label_c=$!
await_all "$join_b"
on SSH_A "docker node update --label-add role=backend B" >/dev/null &
label_b=$!

await_all "$database" "$label_a" "$label_b" "$label_c"
on SSH_A "set -e
service=shop_database; $await_service
docker service create $common $slow --health-start-interval 1s --name shop_backend --network name=shop_shop,alias=backend --read-only \
    --secret source=shop_db_password,target=db_password,uid=1000,gid=1000,mode=0400 --env DB_HOST=database \
    --health-cmd 'wget -q -T 3 -O /dev/null http://127.0.0.1:3000/healthz' --health-start-period 30s \
    --stop-grace-period 15s --constraint 'node.labels.role == backend' \
    --limit-cpu 0.75 --limit-memory 192M --reserve-cpu 0.10 --reserve-memory 64M --restart-delay 2s \
    --update-order start-first --update-failure-action rollback --update-monitor 35s --rollback-order start-first \
    $IMAGE_BACKEND >/dev/null
service=shop_backend; $await_service
docker service create $common --name shop_frontend --network name=shop_shop,alias=frontend --read-only \
    --publish published=8080,target=8080,protocol=tcp,mode=ingress --mount type=tmpfs,target=/tmp,tmpfs-size=16777216 \
    --health-cmd 'wget -q -T 2 -O /dev/null http://127.0.0.1:8080/healthz' --health-interval 5s --health-start-interval 500ms --health-retries 3 --health-start-period 30s \
    --stop-grace-period 15s --constraint 'node.labels.role == frontend' \
    --limit-cpu 0.50 --limit-memory 64M --reserve-cpu 0.05 --reserve-memory 16M --restart-delay 2s \
    --update-order start-first --update-failure-action rollback --update-monitor 20s --rollback-order start-first \
    $IMAGE_FRONTEND >/dev/null
service=shop_frontend; $await_service"
