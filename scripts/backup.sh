#!/usr/bin/env bash
# scripts/backup.sh [options]
#
# Copies all that a deployment needs to come back, while it runs, into backups/:
#
#   backup-db-YYYYMMDD.tar.gz      the books (accounts, keys, credit, usage), whole and proven; as node scripts/backup.js
#   backup-certs-YYYYMMDD.tar.gz   the certificates
#   .env.backup                    the settings, with the provider keys; the one before it as .env.backup.1
#   backup-logs-YYYYMMDD.tar.gz    the logs
#   backup-YYYYMMDD.sha256         the sums of these, for: sha256sum -c
#
# A second backup on one day has the time in its names. With a passphrase all of them are encrypted and end with .enc:
# do so before you take them elsewhere. Bring them back with scripts/restore.sh.
#
#   --passphrase-file F   encrypt with what this file holds
#   --keep N              afterwards, keep only the newest N of each kind
#   --no-logs             leave the logs out
#   --json                {"date", "files"}
#   --help                this text
#
# Ends with 0 when everything is there.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=core/compose.bash
. "$(dirname "${BASH_SOURCE[0]}")/core/compose.bash"

passphrase_file='' keep='' is_json='' has_logs=yes
while [ $# -gt 0 ]; do
  case $1 in
    --passphrase-file) passphrase_file=${2:?--passphrase-file needs a file} && shift ;;
    --keep) keep=${2:?--keep needs a number} && shift ;;
    --no-logs) has_logs='' ;;
    --json) is_json=yes ;;
    --help) show_help "${BASH_SOURCE[0]}" && exit ;;
    *) fail "$1 is no option. See --help." ;;
  esac
  shift
done
[[ -z $keep || $keep =~ ^[1-9][0-9]*$ ]] || fail '--keep needs a whole number from 1 on.'
[ -z "$passphrase_file" ] || [ -s "$passphrase_file" ] || fail "$passphrase_file is not there, or empty."
[ -d backups ] || fail 'There is no folder backups: run scripts/setup.sh.'
if [ -n "$passphrase_file" ]; then
  command -v openssl >/dev/null || fail 'To encrypt, this needs openssl: install it.'
fi
umask 077

date=$(date +%Y%m%d)
end=${passphrase_file:+.enc}
if compgen -G "backups/backup-*-$date.*" >/dev/null; then date=$date-$(date +%H%M%S); fi
files=()

# From stdin into a file of backups, which gets its name when it is whole.
put() {
  local file=backups/$1$end
  if [ -n "$passphrase_file" ]; then
    openssl enc -aes-256-cbc -pbkdf2 -iter 600000 -salt -pass "file:$passphrase_file" >"$file.part"
  else
    cat >"$file.part"
  fi
  mv "$file.part" "$file"
}
trap 'rm -f backups/*.part' EXIT

books() {
  local name=backup-db-$date.tar.gz$end
  local inside=/app/backups/$name
  if [ -n "$passphrase_file" ]; then
    # The container sees no file of the host, and a variable would stand in `docker inspect`: so it is piped in.
    gateway_script scripts/backup.js --to "$inside" --passphrase-file - <"$passphrase_file" >&2
  else
    gateway_script scripts/backup.js --to "$inside" >&2
  fi
  files+=("$name")
}

step 'the books'
books
step 'the certificates'
tar -czf - letsencrypt | put "backup-certs-$date.tar.gz"
files+=("backup-certs-$date.tar.gz$end")
step 'the settings'
[ ! -e "backups/.env.backup$end" ] || mv "backups/.env.backup$end" "backups/.env.backup.1$end"
put .env.backup <.env
files+=(".env.backup$end")
if [ -n "$has_logs" ]; then
  step 'the logs'
  # Logs grow while they are read: that is no failure.
  { tar -czf - --warning=no-file-changed logs || [ $? = 1 ]; } | put "backup-logs-$date.tar.gz"
  files+=("backup-logs-$date.tar.gz$end")
fi
(cd backups && sha256sum "${files[@]}") >"backups/backup-$date.sha256"

# By age and not by name: a second backup of a day has a longer one.
all_but_newest() {
  find backups -maxdepth 1 -type f -name "$1" ! -name '*.part' -printf '%T@ %p\n' | sort -rn | tail -n "+$((keep + 1))" | cut -d' ' -f2-
}
if [ -n "$keep" ]; then
  for kind in 'backup-db-*' 'backup-certs-*' 'backup-logs-*' 'backup-*.sha256'; do
    all_but_newest "$kind" | while read -r old; do
      say "Removed: $old"
      rm -f "$old"
    done
  done
fi

if [ -n "$is_json" ]; then
  list=$(for one in "${files[@]}"; do json_text "$one" && printf ,; done)
  printf '{"date":%s,"files":[%s]}\n' "$(json_text "$date")" "${list%,}"
else
  printf 'backups/%s\n' "${files[@]}"
fi
