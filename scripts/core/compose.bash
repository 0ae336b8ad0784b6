# Sourced by the shell scripts: where the deployment is, how it is talked to, and how they end.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Another folder with a deployment in it, for those who keep theirs elsewhere.
cd "${TOLLGATE_DIR:-$ROOT}"
COMPOSE_YML=docker-compose.prod.yml

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "$1"
  exit 1
}

# The lines at the head of a script are its help.
show_help() { sed -n '2,/^[^#]/{ s/^# \{0,1\}//p; }' "$1"; }

engine() {
  if command -v docker >/dev/null; then
    docker "$@"
  elif command -v podman >/dev/null; then
    podman "$@"
  else
    fail 'There is neither docker nor podman here. Install Docker: https://docs.docker.com/engine/install/'
  fi
}

# Version 2 is a plugin of docker, version 1 a program of its own; both will do.
compose() {
  if docker compose version >/dev/null 2>&1; then
    docker compose -f "$COMPOSE_YML" "$@"
  elif command -v docker-compose >/dev/null; then
    docker-compose -f "$COMPOSE_YML" "$@"
  else
    fail 'There is no compose here. Install the docker-compose-plugin (or docker-compose, 1.29 or newer).'
  fi
}

# setting NAME [DEFAULT]: from the environment, else from .env, as compose reads it.
setting() {
  local value=${!1-}
  if [ -z "$value" ] && [ -r .env ]; then
    value=$(sed -n "s/^[[:space:]]*\(export[[:space:]]\{1,\}\)\{0,1\}$1[[:space:]]*=[[:space:]]*//p" .env | tail -n 1 | tr -d '\r')
    case $value in
      \'*\'*) value=${value#\'} && value=${value%%\'*} ;;
      \"*\"*) value=${value#\"} && value=${value%%\"*} ;;
      *) value=$(printf '%s' "$value" | sed 's/[[:space:]]#.*//; s/[[:space:]]*$//') ;;
    esac
  fi
  printf '%s' "${value:-${2-}}"
}

# The six names that are served: five domains, and the dashboard's.
domains() {
  setting DOMAIN1 api.deep.assistant.run.place && echo
  setting DOMAIN2 api-deep-assistant.mooo.com && echo
  setting DOMAIN3 api-deep-assistant.yee.pw && echo
  setting DOMAIN4 assistant.yee.pw && echo
  setting DOMAIN5 api-deep-assistant.duckdns.org && echo
  setting DASHBOARD_DOMAIN traefik.api.deep.assistant.run.place && echo
}

gateway_image() { full_name "$(setting GATEWAY_IMAGE tollgate-api-gateway:local)"; }

# full_name IMAGE: with its registry, as Docker understands it. podman would put localhost/ in front of a short name, and
# compose, which talks to it as to Docker, docker.io/library/: two images, of which an update would exchange the wrong one.
full_name() {
  case $1 in
    *.*/* | *:*/* | localhost/*) printf '%s' "$1" ;;
    */*) printf 'docker.io/%s' "$1" ;;
    *) printf 'docker.io/library/%s' "$1" ;;
  esac
}

is_running() { [ "$(engine inspect --format '{{.State.Running}}' "$1" 2>/dev/null)" = true ]; }

# gateway_script SCRIPT ARGS…: in the running container, else in one that is made for it.
gateway_script() {
  if is_running api-gateway-prod; then
    engine exec -i api-gateway-prod /nodejs/bin/node "$@"
  else
    beside_gateway "$@"
  fi
}

# beside_gateway [-v MOUNT] SCRIPT ARGS…: in a container of its own, with the folders of the gateway and without a network.
# Not by `compose run`, of which version 1 links it to the container that runs.
beside_gateway() {
  local mounts=(-v "$PWD/db:/app/db" -v "$PWD/backups:/app/backups" -v "$PWD/config:/app/config:ro")
  while [ "$1" = -v ]; do
    mounts+=(-v "$2")
    shift 2
  done
  # TMPDIR: a dry run unpacks the books, and memory may be too small for them.
  engine run --rm -i --network none --read-only --user "$(setting GATEWAY_USER 65532:65532)" "${mounts[@]}" \
    -e DB_DIR=/app/db -e GATEWAY_CONFIG=/app/config/gateway.yaml -e TMPDIR=/app/backups "$(gateway_image)" "$@"
}

# As root in a container of the gateway's image, with one folder of the deployment at /folder: for files of other owners.
as_root() {
  local folder=$1
  shift
  engine run --rm -i --network none --user 0:0 --entrypoint /nodejs/bin/node -v "$PWD/$folder:/folder" "$(gateway_image)" "$@"
}

json_text() { printf '"%s"' "$(printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g' | tr '\n\t' '  ')"; }

# Something to look at while a long step runs, where somebody looks.
step() {
  if [ -t 2 ]; then printf '\033[1m— %s\033[0m\n' "$*" >&2; else say "— $*"; fi
}
