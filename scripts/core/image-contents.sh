#!/usr/bin/env bash
# scripts/core/image-contents.sh [IMAGE] [options]
#
# What is in an image (tollgate-api-gateway:local): its size, how much of it lies in which folder, and whether something is
# there that must not be: settings, books, logs, certificates, tests, sources, tools of the build.
#
#   --files   list every file of /app
#   --json    {"image", "bytes", "files", "folders": {"/app/dist": bytes, …}, "unwanted": […]}
#   --help    this text
#
# Ends with 1 when there is something unwanted.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=compose.bash
. "$(dirname "${BASH_SOURCE[0]}")/compose.bash"

image='' is_json='' has_files=''
while [ $# -gt 0 ]; do
  case $1 in
    --files) has_files=yes ;;
    --json) is_json=yes ;;
    --help) show_help "${BASH_SOURCE[0]}" && exit ;;
    -*) fail "$1 is no option. See --help." ;;
    *) image=$1 ;;
  esac
  shift
done
image=$(full_name "${image:-$(gateway_image)}")

container=$(engine create "$image")
list=$(mktemp)
trap 'engine rm -f "$container" >/dev/null; rm -f "$list"' EXIT
engine export "$container" | tar -tvf - | awk '$1 ~ /^-/ { print $3, $6 }' >"$list"

unwanted=$(awk '{ print $2 }' "$list" | grep -E \
  -e '^app/(.*/)?\.env' -e '^app/(db|logs|backups|letsencrypt|src|test|bench|docs)/.' -e '^app/.*\.(test\.js|map)$' \
  -e '^app/node_modules/(typescript|vitest|eslint|prettier|tsx)/' -e '^(usr/)?bin/(ba|da)?sh$' || true)
folders=$(awk '
  { split($2, part, "/"); at = "/" part[1] (part[1] == "app" && part[3] != "" ? "/" part[2] : "") ; size[at] += $1 }
  END { for (one in size) print size[one], one }' "$list" | sort -rn)
total=$(awk '{ sum += $1 } END { print sum + 0 }' "$list")
count=$(wc -l <"$list" | tr -d ' ')

if [ -n "$is_json" ]; then
  rows=$(printf '%s\n' "$folders" | while read -r bytes at; do printf '%s:%s,' "$(json_text "$at")" "$bytes"; done)
  bad=$(printf '%s\n' "$unwanted" | while read -r one; do [ -z "$one" ] || { json_text "/$one" && printf ,; }; done)
  printf '{"image":%s,"bytes":%s,"files":%s,"folders":{%s},"unwanted":[%s]}\n' "$(json_text "$image")" "$total" "$count" "${rows%,}" "${bad%,}"
else
  printf '%s: %s files, %s MiB\n' "$image" "$count" "$((total / 1048576))"
  printf '%s\n' "$folders" | awk '{ printf "%8.1f MiB  %s\n", $1 / 1048576, $2 }'
  [ -z "$has_files" ] || grep ' app/' "$list"
  [ -z "$unwanted" ] || printf 'Unwanted:\n%s\n' "$unwanted"
fi
[ -z "$unwanted" ] || exit 1
