#!/bin/sh
# Turn a fresh Debian tree into a lab host: users, sshd, engine, a fast boot. Called by mmdebstrap as its customize hook.
# usage: customize.sh ROOT   (LAB_GUEST: the folder of this file)
set -eu
root=$1

# --- the lab's own programs ---
install -D -m 755 "$LAB_GUEST/init.sh" "$root/usr/local/sbin/swarmkit-lab-init"
install -D -m 755 "$LAB_GUEST/report.pl" "$root/usr/local/sbin/swarmkit-lab-report"
cat > "$root/etc/systemd/system/swarmkit-lab-report.service" <<'UNIT'
[Unit]
Description=Report listening ports to the lab
DefaultDependencies=no
After=sysinit.target
[Service]
# init.sh got these words from the kernel's command line, and so did systemd.
PassEnvironment=lab_name lab_gateway
ExecStart=/usr/local/sbin/swarmkit-lab-report ${lab_name} ${lab_gateway}
Restart=always
[Install]
WantedBy=multi-user.target
UNIT
mkdir -p "$root/etc/systemd/system/docker.service.d"
cat > "$root/etc/systemd/system/docker.service.d/lab.conf" <<'UNIT'
[Service]
# docker.service is Type=notify: this runs when the engine answers, not when its socket exists.
ExecStartPost=/bin/touch /run/swarmkit-lab-engine
ExecStopPost=/bin/rm -f /run/swarmkit-lab-engine
UNIT

# --- users: root by key, ops with a sudo password ("swarmkit"), deploy with neither password nor need of one ---
chroot "$root" useradd -m -s /bin/bash ops
chroot "$root" useradd -m -s /bin/bash -G docker deploy
echo 'ops:swarmkit' | chroot "$root" chpasswd -c SHA256
printf 'ops ALL=(ALL) ALL\ndeploy ALL=(ALL) NOPASSWD: ALL\n' > "$root/etc/sudoers.d/lab"
chmod 440 "$root/etc/sudoers.d/lab"
for user in root ops deploy; do
    home=/home/$user
    [ "$user" != root ] || home=/root
    chroot "$root" install -d -m 700 -o "$user" -g "$user" "$home/.ssh"
    chroot "$root" install -m 600 -o "$user" -g "$user" /dev/null "$home/.ssh/authorized_keys"
    rm -f "$root$home/.hushlogin"; chroot "$root" install -m 644 /dev/null "$home/.hushlogin"
    rm "$root$home/.ssh/authorized_keys"
done

# --- sshd ---
rm -f "$root"/etc/ssh/ssh_host_*
cat > "$root/etc/ssh/sshd_config.d/lab.conf" <<'CONF'
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
UseDNS no
PrintMotd no
PrintLastLog no
CONF
# All connections come from the lab's gateway: a penalty for one failed login would shut out everybody (OpenSSH >= 9.8).
if chroot "$root" sh -c 'mkdir -p /run/sshd; ssh-keygen -q -t ed25519 -N "" -f /tmp/k; sshd -t -h /tmp/k -o PerSourcePenalties=no' 2>/dev/null; then
    echo 'PerSourcePenalties no' >> "$root/etc/ssh/sshd_config.d/lab.conf"
fi
rm -f "$root"/tmp/k "$root"/tmp/k.pub
sed -i '/pam_motd\|pam_mail\|pam_lastlog/d' "$root/etc/pam.d/sshd"

# --- the engine ---
# Debian's default nft backend needs more than UML's modules give; the engine works with legacy (image/kernel.sh).
for tool in iptables ip6tables; do
    chroot "$root" update-alternatives --set $tool /usr/sbin/$tool-legacy >/dev/null
done
printf 'overlay\nbr_netfilter\n' > "$root/etc/modules-load.d/lab.conf"

# --- a fast boot: no hardware to discover, nothing to do for the first time, no timers ---
mask() { for unit in "$@"; do ln -sf /dev/null "$root/etc/systemd/system/$unit"; done; }
mask modprobe@drm.service modprobe@fuse.service modprobe@configfs.service modprobe@efi_pstore.service \
    modprobe@dm_mod.service modprobe@loop.service \
    systemd-udevd.service systemd-udev-trigger.service systemd-udevd-control.socket systemd-udevd-kernel.socket \
    systemd-udev-load-credentials.service systemd-hwdb-update.service \
    systemd-firstboot.service systemd-sysusers.service systemd-update-done.service ldconfig.service \
    systemd-journal-catalog-update.service systemd-journal-flush.service systemd-machine-id-commit.service \
    systemd-random-seed.service systemd-update-utmp.service systemd-update-utmp-runlevel.service \
    systemd-pstore.service systemd-boot-random-seed.service systemd-remount-fs.service \
    systemd-ask-password-wall.path systemd-ask-password-console.path systemd-logind.service \
    systemd-networkd-wait-online.service systemd-fsck-root.service systemd-tpm2-setup.service systemd-tpm2-setup-early.service \
    systemd-binfmt.service proc-sys-fs-binfmt_misc.automount proc-sys-fs-binfmt_misc.mount \
    dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount \
    sys-kernel-config.mount kmod-static-nodes.service console-getty.service getty.target getty@.service serial-getty@.service \
    getty-static.service networking.service e2scrub_reap.service apt-daily.timer apt-daily-upgrade.timer \
    dpkg-db-backup.timer fstrim.timer e2scrub_all.timer systemd-tmpfiles-clean.timer dm-event.service dm-event.socket \
    sshd-unix-local.socket sshd-vsock.socket
mkdir -p "$root/etc/systemd/journald.conf.d" "$root/etc/systemd/system.conf.d"
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\n' > "$root/etc/systemd/journald.conf.d/lab.conf"
printf '[Manager]\nDefaultTimeoutStopSec=15s\n' > "$root/etc/systemd/system.conf.d/lab.conf"
: > "$root/etc/fstab"
# systemd-user-sessions is not needed to let users in when nothing keeps them out during boot.
ln -sf /dev/null "$root/etc/tmpfiles.d/systemd-nologin.conf"
chroot "$root" systemctl enable --quiet ssh.service docker.service swarmkit-lab-report.service
rm -f "$root/etc/resolv.conf" "$root/etc/hostname"
: > "$root/etc/machine-id"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/*.log
