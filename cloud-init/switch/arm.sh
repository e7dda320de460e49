# Runs at the very start of the machine's first boot, with the units above it written. They are enabled by their links, so that a later
# boot arms them without us; and started here. An image made of such a machine has older ones, which systemd has read already.
cd /etc/systemd/system
mkdir -p sysinit.target.wants
ln -sf ../mayfly-orphan.timer ../mayfly-lifetime.timer ../mayfly-alive.socket sysinit.target.wants/
systemctl is-active --quiet mayfly-orphan.timer && systemctl daemon-reload
systemctl restart mayfly-orphan.timer mayfly-lifetime.timer mayfly-alive.socket
