#!/usr/bin/env bash
# scripts/update.sh [options]
#
# Brings a deployment to the newest version: pulls the sources, copies the books, builds the image while the old one still
# serves, exchanges the containers, and waits until the new gateway takes requests. If it does not, the old image and the
# old sources come back. Requests that arrive in between wait at the edge for some seconds; open streams end first.
#
#   --no-pull        build what is here
#   --no-backup      do not copy the books first
#   --wait SECONDS   how long the new gateway may take to be ready (120)
#   --rollback       go back to the image before the last update, now
#   --json           {"updated", "rolledBack", "from", "to"}
#   --help           this text
#
# Ends with 0 when the new version serves, with 1 when the old one serves again, and with 2 when neither does.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=core/compose.bash
. "$(dirname "${BASH_SOURCE[0]}")/core/compose.bash"

is_pulled=yes has_backup=yes wait_seconds=120 is_rollback='' is_json=''
while [ $# -gt 0 ]; do
  case $1 in
    --no-pull) is_pulled='' ;;
    --no-backup) has_backup='' ;;
    --wait) wait_seconds=${2:?--wait needs a number} && shift ;;
    --rollback) is_rollback=yes ;;
    --json) is_json=yes ;;
    --help) show_help "${BASH_SOURCE[0]}" && exit ;;
    *) fail "$1 is no option. See --help." ;;
  esac
  shift
done

image=$(gateway_image)
previous=${image%:*}:previous
here() { git rev-parse --short HEAD 2>/dev/null || echo unknown; }
from=$(here)

tell() {
  [ -z "$is_json" ] || printf '{"updated":%s,"rolledBack":%s,"from":%s,"to":%s}\n' "$1" "$2" "$(json_text "$from")" "$(json_text "$(here)")"
}

is_ready() {
  local deadline=$((SECONDS + wait_seconds))
  while [ "$SECONDS" -lt "$deadline" ]; do
    if engine exec api-gateway-prod /nodejs/bin/node scripts/healthcheck.js --ready >/dev/null 2>&1; then return 0; fi
    sleep 1
  done
  return 1
}

roll_back() {
  engine image inspect "$previous" >/dev/null 2>&1 || fail 'There is no image to go back to.'
  step 'going back to the old image'
  engine tag "$previous" "$image"
  compose up -d --no-build >&2
  is_ready
}

if [ -n "$is_rollback" ]; then
  roll_back || { tell false false && exit 2; }
  tell false true
  exit
fi

if [ -n "$is_pulled" ]; then
  step 'pulling the sources'
  git pull --ff-only >&2
fi
if [ -n "$has_backup" ]; then
  step 'copying the books'
  gateway_script scripts/backup.js --to "/app/backups/before-update-$(date +%Y%m%d-%H%M%S).tar.gz" >&2
fi
running=$(engine inspect --format '{{.Image}}' api-gateway-prod 2>/dev/null || true)
[ -z "$running" ] || engine tag "$running" "$previous"
step 'building'
compose build api-gateway >&2 || {
  [ -z "$is_pulled" ] || [ "$(here)" = "$from" ] || git reset -q --keep "$from"
  tell false false
  fail 'The build failed. The old version serves on, as if nothing had been.'
}
step 'exchanging'
if compose up -d >&2 && is_ready; then
  tell true false
  [ -n "$is_json" ] || echo "Serving $(here) (it was $from)."
  exit
fi
engine logs --tail 20 api-gateway-prod >&2 || true
say "The new version is not ready after $wait_seconds s; its last words are above."
[ -z "$is_pulled" ] || [ "$(here)" = "$from" ] || git reset -q --keep "$from"
if roll_back; then
  tell false true
  fail "Serving $from again."
fi
tell false false
say 'The old version does not get ready either: see scripts/doctor.js.'
exit 2
