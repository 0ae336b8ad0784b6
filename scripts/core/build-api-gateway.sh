#!/usr/bin/env bash
# scripts/core/build-api-gateway.sh [options]
#
# Builds the gateway's image. With more than one platform it needs `docker buildx` (and, for those that are not the
# machine's own, QEMU: docker run --privileged --rm tonistiigi/binfmt --install all).
#
#   --image NAME      without a tag (tollgate-api-gateway)
#   --tag TAG         (the version of package.json; and "local", which docker-compose.prod.yml takes)
#   --platform LIST   linux/amd64, linux/arm64 or both with a comma (the machine's own)
#   --push            send it to the registry of its name; nothing is sent without it
#   --no-cache        build everything anew
#   --json            {"image", "platforms", "pushed"}
#   --help            this text
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=compose.bash
. "$(dirname "${BASH_SOURCE[0]}")/compose.bash"

name=tollgate-api-gateway tag='' platforms='' is_push='' is_json='' more=()
while [ $# -gt 0 ]; do
  case $1 in
    --image) name=${2:?--image needs a name} && shift ;;
    --tag) tag=${2:?--tag needs a tag} && shift ;;
    --platform) platforms=${2:?--platform needs a list} && shift ;;
    --push) is_push=yes ;;
    --no-cache) more+=(--no-cache) ;;
    --json) is_json=yes ;;
    --help) show_help "${BASH_SOURCE[0]}" && exit ;;
    *) fail "$1 is no option. See --help." ;;
  esac
  shift
done

version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
name=$(full_name "$name")
image=$name:${tag:-$version}
arguments=(
  --build-arg "VERSION=$version"
  --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)"
  --build-arg "CREATED=$(git log -1 --format=%cI 2>/dev/null || echo 1970-01-01T00:00:00Z)"
  --tag "$image" --tag "$name:local" "${more[@]+"${more[@]}"}"
)

step "building $image ${platforms:+for $platforms}"
if [ -z "$platforms" ] && [ -z "$is_push" ]; then
  engine build "${arguments[@]}" . >&2
else
  docker buildx version >/dev/null 2>&1 || fail 'For this, docker buildx is needed: install docker-buildx-plugin.'
  # A local store holds one platform only, so several are built to see that they can be, unless they are pushed.
  [ -z "$platforms" ] || arguments+=(--platform "$platforms")
  if [ -n "$is_push" ]; then
    arguments+=(--push --provenance=true --sbom=true)
  elif [[ $platforms != *,* ]]; then
    arguments+=(--load)
  fi
  docker buildx build "${arguments[@]}" . >&2
fi
step "built $image"
if [ -n "$is_json" ]; then
  printf '{"image":%s,"platforms":%s,"pushed":%s}\n' "$(json_text "$image")" "$(json_text "$platforms")" "${is_push:+true}${is_push:-false}" | sed 's/trueyes/true/'
else
  echo "$image"
fi
