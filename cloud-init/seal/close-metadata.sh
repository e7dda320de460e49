# Runs as root before any job does: after the take-over, and again after each start, since the rules are gone with the kernel.
set -eu
# The metadata service holds the seed, and the credentials of the machine's role if it has one. What runs here is turned away at once; packets
# of containers are dropped before Docker's own rules, which come and go, can let them pass. By IPv6 the service does not answer unless asked to.
# A job that makes itself root can take this back: what it must not know is not to be there at all, hence the new host key (take-over.sh).
iptables --wait --check OUTPUT --destination 169.254.169.254 --jump REJECT 2>/dev/null ||
  iptables --wait --insert OUTPUT --destination 169.254.169.254 --jump REJECT
# But one account is told what becomes of the machine, and passes on no more (notices/watch.sh); above the rule that turns away, which
# comes first. A kernel that cannot tell accounts apart goes without.
iptables --wait --check OUTPUT --destination 169.254.169.254 --match owner --uid-owner 61000 --jump ACCEPT 2>/dev/null ||
  iptables --wait --insert OUTPUT --destination 169.254.169.254 --match owner --uid-owner 61000 --jump ACCEPT || true
iptables --wait --table raw --check PREROUTING --destination 169.254.169.254 --jump DROP 2>/dev/null ||
  iptables --wait --table raw --insert PREROUTING --destination 169.254.169.254 --jump DROP
