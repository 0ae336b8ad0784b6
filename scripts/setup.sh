#!/usr/bin/env bash
# scripts/setup.sh [options]            make what a deployment needs
# scripts/setup.sh --check [options]    only look, and say what is not right
#
# Writes .env from .env.example (or adds to the one that is there; what is set stays), makes the master key, the secret of
# sessions and the dashboard's password, and the folders db, logs, backups and letsencrypt with the owners that they need.
# Run again, it changes nothing that is right. Run it as root, or as somebody who may use sudo.
#
#   --email ADDRESS               for Let's Encrypt
#   --dashboard-user NAME         who may open the dashboard (admin)
#   --dashboard-password-file F   their password; without it one is made and shown once
#   --new-dashboard-password      replace the one that is set
#   --address IP                  with --check: what the six names should lead to (else: all to the same)
#   --no-network                  with --check: ask no name server
#   --json                        with --check: [{"check", "ok", "message", "fix"}]; else {"env", "made"}
#   --help                        this text
#
# Ends with 0 when all is right, else with 1.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=core/compose.bash
. "$(dirname "${BASH_SOURCE[0]}")/core/compose.bash"

is_check='' is_json='' is_offline='' email='' address='' user=admin password_file='' new_password=''
while [ $# -gt 0 ]; do
  case $1 in
    --check) is_check=yes ;;
    --json) is_json=yes ;;
    --no-network) is_offline=yes ;;
    --new-dashboard-password) new_password=yes ;;
    --email) email=${2:?--email needs an address} && shift ;;
    --address) address=${2:?--address needs an IP address} && shift ;;
    --dashboard-user) user=${2:?--dashboard-user needs a name} && shift ;;
    --dashboard-password-file) password_file=${2:?--dashboard-password-file needs a file} && shift ;;
    --help) show_help "${BASH_SOURCE[0]}" && exit ;;
    *) fail "$1 is no option. See --help." ;;
  esac
  shift
done

made=()
owner=$(setting GATEWAY_USER 65532:65532)
readonly DISK_KB_MIN=2097152

random_text() { head -c "$1" /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'; }

# write_setting NAME VALUE: in its line of .env, or as a new one. The value never stands in a command line.
write_setting() {
  local fresh
  fresh=$(mktemp .env.XXXXXX)
  NAME=$1 VALUE=$2 awk '
    BEGIN { name = ENVIRON["NAME"]; line = name "=" ENVIRON["VALUE"] }
    index($0, name "=") == 1 { if (!done) print line; done = 1; next }
    { print }
    END { if (!done) print line }' .env >"$fresh"
  chmod 600 "$fresh"
  mv "$fresh" .env
  made+=("$1")
}

make_env() {
  if [ ! -e .env ]; then
    (umask 077 && cp .env.example .env)
    made+=(.env)
  fi
  chmod 600 .env
  [ -n "$(setting ADMIN_FIRST)$(setting ADMIN_FIRST_FILE)" ] || write_setting ADMIN_FIRST "$(random_text 32)"
  [ -n "$(setting JWT_SECRET_KEY)$(setting JWT_SECRET_KEY_FILE)" ] || write_setting JWT_SECRET_KEY "$(random_text 32)"
  if [ -z "$email" ] && [ -z "$(setting LETSENCRYPT_EMAIL)" ] && [ -t 0 ]; then
    read -r -p "E-mail address for Let's Encrypt: " email
  fi
  [ -z "$email" ] || [ "$email" = "$(setting LETSENCRYPT_EMAIL)" ] || write_setting LETSENCRYPT_EMAIL "$email"
  if [ -n "$new_password$password_file" ] || [ -z "$(setting TRAEFIK_DASHBOARD_USERS)" ]; then make_password; fi
}

make_password() {
  local password
  if [ -n "$password_file" ]; then password=$(head -n 1 "$password_file"); else password=$(random_text 18); fi
  [ "${#password}" -ge 12 ] || fail 'The password of the dashboard needs 12 characters or more.'
  write_setting TRAEFIK_DASHBOARD_USERS "'$user:$(printf '%s' "$password" | password_hash)'"
  [ -n "$password_file" ] || say "The dashboard's password for $user (shown once): $password"
}

# From stdin, so that it never stands in a list of processes.
password_hash() {
  if command -v htpasswd >/dev/null; then
    htpasswd -niB -C 10 x | sed -n 's/^x://p'
  elif command -v openssl >/dev/null; then
    openssl passwd -apr1 -stdin
  else
    fail 'To hash the password, openssl or htpasswd is needed: install one of them.'
  fi
}

with_rights() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
    fail "This needs root: $*"
  fi
}

owner_of() { stat -c '%u:%g' "$1" 2>/dev/null || stat -f '%u:%g' "$1"; }
mode_of() { stat -c '%a' "$1" 2>/dev/null || stat -f '%Lp' "$1"; }

make_folders() {
  local folder
  for folder in db logs backups letsencrypt; do
    [ -d "$folder" ] || { mkdir "$folder" && made+=("$folder"); }
  done
  for folder in db logs backups; do
    [ "$(owner_of "$folder")" = "$owner" ] || { with_rights chown -R "$owner" "$folder" && made+=("owner of $folder"); }
  done
  with_rights chmod 700 letsencrypt
  # A file that others can read is refused by Traefik.
  with_rights find letsencrypt -name '*.json' -type f -exec chmod 600 {} +
}

results=()
is_wrong=''
# found CHECK yes|no MESSAGE [FIX]
found() {
  if [ "$2" = no ]; then is_wrong=yes; fi
  if [ -n "$is_json" ]; then
    results+=("{\"check\":$(json_text "$1"),\"ok\":$([ "$2" = yes ] && echo true || echo false),\"message\":$(json_text "$3"),\"fix\":$(json_text "${4-}")}")
  elif [ "$2" = yes ]; then
    printf 'ok    %s: %s\n' "$1" "$3"
  else
    printf 'WRONG %s: %s\n      fix: %s\n' "$1" "$3" "${4-}"
  fi
}

check_engine() {
  if engine version >/dev/null 2>&1; then
    found engine yes 'the container engine answers'
  else
    found engine no 'the container engine does not answer' 'install Docker, start it (systemctl start docker), and see that you may use it'
  fi
  if compose version >/dev/null 2>&1; then
    found compose yes "$(compose version 2>/dev/null | head -n 1)"
  else
    found compose no 'there is no compose' 'install docker-compose-plugin (or docker-compose, 1.29 or newer)'
  fi
}

check_ports() {
  local port
  for port in 80 443; do
    if is_running traefik-prod 2>/dev/null; then
      found "port $port" yes 'traefik-prod has it'
    elif (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      found "port $port" no 'another program listens on it' "find it with: ss -ltnp 'sport = :$port'; and stop it"
    else
      found "port $port" yes 'is free'
    fi
  done
}

check_names() {
  local name found_addresses first=$address
  for name in $(domains); do
    found_addresses=$(getent ahosts "$name" | awk '{print $1}' | sort -u | tr '\n' ' ') || true
    found_addresses=${found_addresses% }
    if [ -z "$found_addresses" ]; then
      found "name $name" no 'has no address' 'make an A record for it that leads to this machine; it may take an hour to be seen'
      continue
    fi
    [ -n "$first" ] || first=${found_addresses%% *}
    if printf '%s\n' "$found_addresses" | tr ' ' '\n' | grep -qxF "$first"; then
      found "name $name" yes "leads to $found_addresses"
    else
      found "name $name" no "leads to $found_addresses and not to $first" 'correct its A record, or the domain in .env'
    fi
  done
}

check_settings() {
  if [ ! -e .env ]; then
    found .env no 'is not there' 'run scripts/setup.sh'
    return
  fi
  case $(mode_of .env) in
    *00) found .env yes 'is readable by its owner alone' ;;
    *) found .env no 'can be read by others' 'chmod 600 .env' ;;
  esac
  case $(setting LETSENCRYPT_EMAIL) in
    '') found email no 'LETSENCRYPT_EMAIL is not set' 'scripts/setup.sh --email YOUR-ADDRESS' ;;
    *@example.* | *your*email* | *@*.invalid | *@*.test) found email no 'LETSENCRYPT_EMAIL is a sample' 'write your own address' ;;
    ?*@?*.?*) found email yes 'is set' ;;
    *) found email no 'LETSENCRYPT_EMAIL is no e-mail address' 'write your own address' ;;
  esac
  case $(setting TRAEFIK_DASHBOARD_USERS) in
    '') found dashboard no 'TRAEFIK_DASHBOARD_USERS is not set' 'run scripts/setup.sh' ;;
    *H6uskkkW* | *YOUR_HASH* | *change_this*) found dashboard no 'the password is a well-known sample' 'scripts/setup.sh --new-dashboard-password' ;;
    ?*:\$2[aby]\$* | ?*:\$apr1\$*) found dashboard yes 'has a password' ;;
    *) found dashboard no 'TRAEFIK_DASHBOARD_USERS holds no hash that Traefik knows' 'scripts/setup.sh --new-dashboard-password' ;;
  esac
  local name samples=''
  for name in ADMIN_FIRST JWT_SECRET_KEY; do
    case $(setting "$name") in *your* | *change* | *example* | *secure_master*) samples="$samples $name" ;; esac
  done
  if [ -z "$samples" ]; then
    found secrets yes 'none is a sample'
  else
    found secrets no "still a sample:$samples" 'empty them in .env, and run scripts/setup.sh'
  fi
}

check_folders() {
  local folder free
  for folder in db logs backups; do
    if [ ! -d "$folder" ]; then
      found "folder $folder" no 'is not there' 'run scripts/setup.sh'
    elif [ "$(owner_of "$folder")" != "$owner" ]; then
      found "folder $folder" no "belongs to $(owner_of "$folder"), and the gateway is $owner" "sudo chown -R $owner $folder"
    else
      found "folder $folder" yes "belongs to $owner"
    fi
  done
  free=$(df -Pk . | awk 'NR == 2 { print $4 }')
  if [ "$free" -ge "$DISK_KB_MIN" ]; then
    found disk yes "$((free / 1024)) MiB are free"
  else
    found disk no "only $((free / 1024)) MiB are free" 'make room: 2 GiB at least, for images, logs and the journal'
  fi
}

if [ -n "$is_check" ]; then
  check_engine
  check_ports
  check_settings
  check_folders
  [ -n "$is_offline" ] || check_names
  if [ -n "$is_json" ]; then (IFS=, && printf '[%s]\n' "${results[*]}"); fi
  [ -z "$is_wrong" ] || exit 1
else
  make_env
  make_folders
  if [ -n "$is_json" ]; then
    list=$(for one in "${made[@]+"${made[@]}"}"; do json_text "$one" && printf ,; done)
    printf '{"env":%s,"made":[%s]}\n' "$(json_text "$PWD/.env")" "${list%,}"
  else
    printf 'Made or changed: %s\n' "${made[*]:-nothing}"
    [ -n "$(setting LETSENCRYPT_EMAIL)" ] || echo 'Still to set in .env: LETSENCRYPT_EMAIL'
    echo 'Put the keys of your providers into .env, look with scripts/setup.sh --check, then:'
    echo "  docker compose -f $COMPOSE_YML up -d"
  fi
fi
