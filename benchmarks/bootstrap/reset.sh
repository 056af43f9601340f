#!/bin/sh
# Runs on each host between two runs: out of the swarm, no container, volume or network of the stack; the images stay.
# The engine is started anew: one that left a swarm and joins the next may never learn the names of that one's services.
docker swarm leave --force >/dev/null 2>&1
containers=$(docker ps -aq)
# shellcheck disable=SC2086 # one word an ID
[ -z "$containers" ] || docker rm -f $containers >/dev/null 2>&1
docker volume rm -f shop_database-data >/dev/null
docker network rm docker_gwbridge >/dev/null 2>&1
systemctl restart docker
until [ "$(docker info --format '{{.Swarm.LocalNodeState}}')" = inactive ]; do sleep 0.5; done
[ -z "$(docker ps -aq)" ] && [ -z "$(docker volume ls -q)" ]
