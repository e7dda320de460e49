#!/bin/sh
# What https://hub.docker.com/_/docker documents: a command that is Docker's own goes to docker, and a job that was given
# neither DOCKER_HOST nor a socket finds the engine of its service under the name `docker`.
set -eu

# A list, where the real image asks `docker help`: each start of the client takes seconds where the CPU is emulated.
case "${1:-}" in
  -*) set -- docker "$@" ;;
  attach | build | builder | buildx | commit | compose | config | container | context | cp | create | diff | events | exec | export | \
    history | image | images | import | info | inspect | kill | load | login | logout | logs | manifest | network | node | pause | \
    plugin | port | ps | pull | push | rename | restart | rm | rmi | run | save | search | secret | service | stack | start | stats | \
    stop | swarm | system | tag | top | trust | unpause | update | version | volume | wait)
    # `kill`, `ps`, `rm`, `stop` and so on mean the engine's here, as in the real image.
    set -- docker "$@"
    ;;
esac

has_client_certificates() {
  [ -n "${DOCKER_TLS_CERTDIR:-}" ] && [ -s "$DOCKER_TLS_CERTDIR/client/ca.pem" ] &&
    [ -s "$DOCKER_TLS_CERTDIR/client/cert.pem" ] && [ -s "$DOCKER_TLS_CERTDIR/client/key.pem" ]
}

if [ -z "${DOCKER_HOST:-}" ] && [ ! -S /var/run/docker.sock ]; then
  if [ -n "${DOCKER_TLS_VERIFY:-}" ] || has_client_certificates; then
    export DOCKER_HOST=tcp://docker:2376
  else
    export DOCKER_HOST=tcp://docker:2375
  fi
fi

case "${DOCKER_HOST:-}" in
  tcp:*)
    if [ -z "${DOCKER_TLS_VERIFY+set}" ] && [ -z "${DOCKER_CERT_PATH+set}" ] && has_client_certificates; then
      export DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH="$DOCKER_TLS_CERTDIR/client"
    fi
    ;;
esac

exec "$@"
