#!/usr/bin/env bash
# scripts/restore.sh [FILE] [options]
#
# Brings back what scripts/backup.sh copied: the books from FILE (backups/backup-db-….tar.gz[.enc]), and more by option.
# The gateway is stopped for it and started again. Nothing is lost: the present books stay in db/before-restore-…, and the
# present certificates and settings beside the new ones. The books are proven before they take their place.
#
#   --certs FILE          the certificates, too: backups/backup-certs-….tar.gz[.enc]
#   --env FILE            the settings, too: backups/.env.backup[.enc]
#   --passphrase-file F   the passphrase of encrypted ones
#   --dry-run             prove the books and say what would change; changes nothing
#   --yes                 do not ask
#   --no-start            leave it stopped afterwards
#   --json                {"done", "books", "certs", "env"}
#   --help                this text
#
# Ends with 0 when it is done.
set -euo pipefail
start_folder=$PWD
# shellcheck source-path=SCRIPTDIR source=core/compose.bash
. "$(dirname "${BASH_SOURCE[0]}")/core/compose.bash"

books='' certs='' settings='' passphrase_file='' is_dry='' is_yes='' is_json='' is_started=yes
file_of() {
  case $1 in /*) printf '%s' "$1" ;; *) if [ -e "$start_folder/$1" ]; then printf '%s' "$start_folder/$1"; else printf '%s' "$PWD/$1"; fi ;; esac
}
while [ $# -gt 0 ]; do
  case $1 in
    --certs) certs=$(file_of "${2:?--certs needs a file}") && shift ;;
    --env) settings=$(file_of "${2:?--env needs a file}") && shift ;;
    --passphrase-file) passphrase_file=$(file_of "${2:?--passphrase-file needs a file}") && shift ;;
    --dry-run) is_dry=yes ;;
    --yes) is_yes=yes ;;
    --no-start) is_started='' ;;
    --json) is_json=yes ;;
    --help) show_help "${BASH_SOURCE[0]}" && exit ;;
    -*) fail "$1 is no option. See --help." ;;
    *) [ -z "$books" ] || fail 'Name one file with books. See --help.' && books=$(file_of "$1") ;;
  esac
  shift
done
[ -n "$books$certs$settings" ] || fail 'Name what to bring back. See --help.'
for file in "$books" "$certs" "$settings" "$passphrase_file"; do
  [ -z "$file" ] || [ -r "$file" ] || fail "$file is not there, or cannot be read."
done
umask 077

# The text of a file that may be encrypted.
plain() {
  case $1 in
    *.enc)
      [ -n "$passphrase_file" ] || fail "$1 is encrypted: add --passphrase-file."
      openssl enc -d -aes-256-cbc -pbkdf2 -iter 600000 -pass "file:$passphrase_file" -in "$1" || fail "$1: the passphrase is wrong, or the file is damaged."
      ;;
    *) cat "$1" ;;
  esac
}

# The passphrase is piped in.
restore_books() {
  local inside
  inside=/restore/$(basename "$books")
  if [ -n "$passphrase_file" ]; then
    beside_gateway -v "$books:$inside:ro" scripts/restore.js "$inside" --db /app/db --passphrase-file - "$@" <"$passphrase_file"
  else
    beside_gateway -v "$books:$inside:ro" scripts/restore.js "$inside" --db /app/db "$@" </dev/null
  fi
}

# Whoever the gateway is must be able to read it; what backup.sh wrote belongs to that user already.
if [ -n "$books" ]; then
  step 'proving the books'
  restore_books --dry-run >&2
fi
if [ -n "$certs" ]; then plain "$certs" | tar -tzf - >/dev/null || fail "$certs is no archive."; fi
if [ -n "$settings" ]; then plain "$settings" >/dev/null; fi
if [ -n "$is_dry" ]; then
  [ -z "$is_json" ] || printf '{"done":false,"books":%s,"certs":%s,"env":%s}\n' "$(json_text "$books")" "$(json_text "$certs")" "$(json_text "$settings")"
  exit
fi
if [ -z "$is_yes" ]; then
  [ -t 0 ] || fail 'This replaces what is there. Add --yes, or look first with --dry-run.'
  read -r -p 'Stop the gateway and bring these back? [y/N] ' answer
  case $answer in y | Y | yes) ;; *) fail 'Nothing was changed.' ;; esac
fi

now=$(date +%Y%m%d-%H%M%S)
step 'stopping'
if [ -n "$certs" ]; then compose stop >&2; else compose stop api-gateway >&2; fi
if [ -n "$settings" ]; then
  [ ! -e .env ] || cp -p .env ".env.before-restore-$now"
  plain "$settings" >.env.part && mv .env.part .env
fi
if [ -n "$books" ]; then restore_books --yes >&2; fi
if [ -n "$certs" ]; then
  [ ! -d letsencrypt ] || mv letsencrypt "letsencrypt.before-restore-$now"
  plain "$certs" | tar -xzpf - letsencrypt
fi
if [ -n "$is_started" ]; then
  step 'starting'
  compose up -d >&2
fi
if [ -n "$is_json" ]; then
  printf '{"done":true,"books":%s,"certs":%s,"env":%s}\n' "$(json_text "$books")" "$(json_text "$certs")" "$(json_text "$settings")"
else
  echo 'Done.'
fi
