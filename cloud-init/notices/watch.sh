# Asks EC2's metadata service what is going to become of this machine, and says a line for each thing that it is told: once each, as it
# was told. It is the one account that take-over.sh leaves the service open to, and it keeps no more of it than these two answers.
# Source: EC2 user guide, "Spot Instance interruption notices", "EC2 instance rebalance recommendations".
command -v curl >/dev/null || exit 0
# It ends with the manager's connection: that closes the input.
exec 3<&0
(cat <&3 >/dev/null; kill $$) &
base=http://169.254.169.254/latest
ask() { curl --silent --fail --max-time 3 --noproxy '*' "$@"; }
told=
while :; do
  token=$(ask --request PUT --header "X-aws-ec2-metadata-token-ttl-seconds: 60" "$base/api/token") || token=
  for what in spot/instance-action events/recommendations/rebalance; do
    case $told in *"$what"*) continue ;; esac
    [ -n "$token" ] || continue
    said=$(ask --header "X-aws-ec2-metadata-token: $token" "$base/meta-data/$what") || continue
    told="$told $what"
    echo "$what $(echo "$said" | tr -d '\n')"
  done
  sleep 10
done
