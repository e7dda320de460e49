#!/bin/sh
# Stands in for the runner's own program, as far as its scripts call it: `gitlab-runner` on a machine, `gitlab-runner-helper` in the
# helper's image. Its options and its addresses are the runner's; its archives are tar's, which nobody but itself reads.
set -eu
verb=$1
shift

case $verb in
  --version)
    echo "Version: a stand-in"
    exit
    ;;
  # A new volume belongs to root; jobs may run as any user.
  cache-init)
    chmod 777 "$1"
    exit
    ;;
  # A service is there once one of its ports is open.
  health-check)
    for _ in $(seq 300); do
      for port in $(env | sed -n 's/^WAIT_FOR_SERVICE_[0-9]*_TCP_PORT=//p'); do
        if timeout 5 nc -w 1 "$WAIT_FOR_SERVICE_TCP_ADDR" "$port" </dev/null >/dev/null 2>&1; then exit; fi
      done
      sleep 1
    done
    echo "no port of $WAIT_FOR_SERVICE_TCP_ADDR is open"
    exit 1
    ;;
esac

url='' token='' id='' name=artifacts
paths=
while [ "$#" -gt 0 ]; do
  case $1 in
    --url) url=$2 ;;
    --token) token=$2 ;;
    --id) id=$2 ;;
    --name) name=$2 ;;
    --path) paths="$paths $2" ;;
  esac
  shift 2
done
address=${url%/}/api/v4/jobs/$id/artifacts

case $verb in
  artifacts-uploader)
    # Paths are patterns.
    tar -cf - $paths | curl -fsS -H "JOB-TOKEN: $token" -F "file=@-;filename=$name.tar" "$address" >/dev/null
    echo "Uploading artifacts as \"archive\" to coordinator... 201 Created id=$id"
    ;;
  artifacts-downloader)
    curl -fsS -H "JOB-TOKEN: $token" "$address" | tar -xf -
    echo "Downloading artifacts from coordinator... ok id=$id"
    ;;
  *)
    echo "unknown: $verb" >&2
    exit 1
    ;;
esac
