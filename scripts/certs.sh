#!/usr/bin/env bash
# scripts/certs.sh [options]                  the certificate of each of the six names, and how long it lasts
# scripts/certs.sh reissue NAME [options]     throw that of one name away and let Traefik ask for a new one
#
# Asks Traefik itself, as a browser would. Renewal is Traefik's business, 30 days before the end; this is to look, and for
# a certificate that has to be replaced (a key that got out, a wrong chain). "reissue" restarts Traefik, keeps a copy of
# the file, and costs one of the five duplicates a week that Let's Encrypt allows.
#
#   --days N             complain below so many days (14)
#   --at HOST[:PORT]     where Traefik is (127.0.0.1:443)
#   --yes                do not ask before a reissue
#   --json               [{"name", "ok", "days", "until", "issuer", "message"}]
#   --help               this text
#
# Ends with 0 when all six are good for long enough, else with 1.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=core/compose.bash
. "$(dirname "${BASH_SOURCE[0]}")/core/compose.bash"

days_min=14 at=127.0.0.1:443 is_json='' is_yes='' reissue=''
while [ $# -gt 0 ]; do
  case $1 in
    reissue) reissue=${2:?reissue needs a name} && shift ;;
    --days) days_min=${2:?--days needs a number} && shift ;;
    --at) at=${2:?--at needs a host} && shift ;;
    --yes) is_yes=yes ;;
    --json) is_json=yes ;;
    --help) show_help "${BASH_SOURCE[0]}" && exit ;;
    *) fail "$1 is no option. See --help." ;;
  esac
  shift
done
case $at in *:*) ;; *) at=$at:443 ;; esac
command -v openssl >/dev/null || fail 'This needs openssl: install it.'

# In the gateway's image, because it has a Node: the folder belongs to root, and the file is JSON.
throw_away() {
  as_root letsencrypt --input-type=module - "$1" "$2" <<'JS'
import fs from 'node:fs'
const [, , storage, name] = process.argv
const file = `/folder/${storage}`
const kept = `${file}.${new Date().toISOString().replace(/\W/g, '').slice(0, 14)}`
const all = JSON.parse(fs.readFileSync(file, 'utf8'))
let count = 0
for (const resolver of Object.values(all)) {
  const before = resolver.Certificates ?? []
  resolver.Certificates = before.filter(({ domain }) => domain.main !== name)
  count += before.length - resolver.Certificates.length
}
if (count === 0) {
  console.error(`There is no certificate for ${name} in ${storage}.`)
  process.exit(1)
}
fs.copyFileSync(file, kept, fs.constants.COPYFILE_EXCL)
fs.chmodSync(kept, 0o600)
fs.writeFileSync(`${file}.new`, JSON.stringify(all, null, 2), { mode: 0o600 })
fs.renameSync(`${file}.new`, file)
JS
}

if [ -n "$reissue" ]; then
  domains | grep -xF "$reissue" >/dev/null || fail "$reissue is none of the six names: $(domains | tr '\n' ' ')"
  if [ -z "$is_yes" ]; then
    [ -t 0 ] || fail 'This restarts Traefik. Add --yes.'
    read -r -p "Restart Traefik and ask for a new certificate for $reissue? [y/N] " answer
    case $answer in y | Y | yes) ;; *) fail 'Nothing was changed.' ;; esac
  fi
  step 'stopping Traefik: it would write the file again'
  compose stop traefik >&2
  status=0
  throw_away "$(setting ACME_STORAGE acme.json)" "$reissue" || status=$?
  step 'starting Traefik'
  compose up -d traefik >&2
  [ "$status" = 0 ] || exit "$status"
  [ -n "$is_json" ] || say "Traefik asks for it now: look again with scripts/certs.sh, and at its log with: docker logs traefik-prod"
  [ -z "$is_json" ] || printf '{"reissued":%s}\n' "$(json_text "$reissue")"
  exit
fi

is_wrong='' rows=()
for name in $(domains); do
  certificate=$(openssl s_client -connect "$at" -servername "$name" </dev/null 2>/dev/null | openssl x509 2>/dev/null) || certificate=''
  is_ok=no days=null until='' issuer=''
  if [ -z "$certificate" ]; then
    message="nothing answers TLS at $at"
  else
    until=$(printf '%s' "$certificate" | openssl x509 -noout -enddate | cut -d= -f2)
    issuer=$(printf '%s' "$certificate" | openssl x509 -noout -issuer | sed 's/^issuer= *//')
    days=$((($(date -d "$until" +%s 2>/dev/null || date -jf '%b %e %T %Y %Z' "$until" +%s) - $(date +%s)) / 86400))
    if [[ $issuer = *'TRAEFIK DEFAULT CERT'* ]]; then
      message='has none yet; the reason is in: docker logs traefik-prod 2>&1 | grep -i acme'
    elif ! printf '%s' "$certificate" | openssl x509 -noout -checkhost "$name" | grep -q 'does match'; then
      message='has a certificate for another name'
    elif [ "$days" -lt "$days_min" ]; then
      message="ends in $days days; Traefik should have renewed it: docker logs traefik-prod 2>&1 | grep -i renew"
    else
      is_ok=yes message="good for $days days"
    fi
  fi
  [ "$is_ok" = yes ] || is_wrong=yes
  if [ -n "$is_json" ]; then
    rows+=("{\"name\":$(json_text "$name"),\"ok\":$([ $is_ok = yes ] && echo true || echo false),\"days\":$days,\"until\":$(json_text "$until"),\"issuer\":$(json_text "$issuer"),\"message\":$(json_text "$message")}")
  else
    printf '%-5s %s: %s\n' "$([ $is_ok = yes ] && echo ok || echo WRONG)" "$name" "$message"
  fi
done
[ -z "$is_json" ] || (IFS=, && printf '[%s]\n' "${rows[*]}")
[ -z "$is_wrong" ] || exit 1
