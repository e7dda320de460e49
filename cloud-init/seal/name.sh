# Runs as root over the first connection to a machine that was told the same as others: answers which instance it is at its provider, as
# cloud-init has found out at the first boot. The manager knows, and tells nobody.
cat /var/lib/cloud/data/instance-id
