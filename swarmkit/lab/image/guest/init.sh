#!/bin/sh
# First process of a lab host: takes its identity from the lab, brings its cable up, then becomes systemd.
# The kernel hands unknown words of its command line over as environment: lab_name, lab_address, lab_gateway.
# The identity comes over hostfs, limited by the kernel's hostfs= to this host's own folder.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
if mount -t hostfs none /mnt; then
    # Keys are copied only once: a host key changed inside the host stays changed, as on any host.
    [ -e /etc/ssh/ssh_host_ed25519_key ] || install -m 600 /mnt/ssh_host_ed25519_key /etc/ssh/
    [ -e /etc/ssh/ssh_host_ed25519_key.pub ] || install -m 644 /mnt/ssh_host_ed25519_key.pub /etc/ssh/
    for home in root home/ops home/deploy; do
        [ -e "/$home/.ssh/authorized_keys" ] || cp /mnt/authorized_keys "/$home/.ssh/authorized_keys"
    done
    cp /mnt/machine-id /etc/machine-id
    umount /mnt
fi
echo "$lab_name" > /etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost\n' "$lab_name" > /etc/hosts
printf 'nameserver %s\noptions timeout:1 attempts:1\n' "$lab_gateway" > /etc/resolv.conf
ip -batch - <<COMMANDS
link set lo up
address add $lab_address/24 brd + dev vec0
link set vec0 up
route add default via $lab_gateway
COMMANDS
exec /lib/systemd/systemd
