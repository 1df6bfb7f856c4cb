#!/bin/bash
# What the official PostgreSQL image promises its users, for the stand-in that is made of Debian packages:
# POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB, POSTGRES_INITDB_ARGS, POSTGRES_HOST_AUTH_METHOD (each but the last
# also as <NAME>_FILE), PGDATA, /docker-entrypoint-initdb.d, and a server that runs as the user postgres (999).
set -eo pipefail

say() { echo "docker-entrypoint: $*" >&2; }
fail() {
  say "$*"
  exit 1
}

# The value of NAME, or the content of the file that NAME_FILE names, or a default.
file_env() {
  local name=$1 file="${1}_FILE"
  [[ -n ${!name:-} && -n ${!file:-} ]] && fail "$name and $file are both set; set one of them"
  local value=${!name:-${2:-}}
  [[ -n ${!file:-} ]] && value=$(<"${!file}")
  export "$name=$value"
  unset "$file"
}

is_postgres() { [[ $1 == postgres && " $* " != *' --version '* && " $* " != *' --help '* && " $* " != *' -C '* ]]; }

own_folders() {
  mkdir -p "$PGDATA" /var/run/postgresql
  chmod 700 "$PGDATA" || :
  chmod 3777 /var/run/postgresql || :
  [[ $(id -u) != 0 ]] && return
  chown postgres "$(dirname "$PGDATA")"
  find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
}

init_cluster() {
  [[ -n $POSTGRES_PASSWORD || $POSTGRES_HOST_AUTH_METHOD == trust ]] ||
    fail 'the database is new and has no superuser password; set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE'
  # shellcheck disable=SC2086 -- the arguments are words, as with the official image
  initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
    --auth-local=trust -c 'listen_addresses=*' -c jit=off $POSTGRES_INITDB_ARGS
  printf '\nhost all all all %s\n' "$POSTGRES_HOST_AUTH_METHOD" >>"$PGDATA/pg_hba.conf"
}

run_psql() { psql -v ON_ERROR_STOP=1 --no-password --no-psqlrc --username "$POSTGRES_USER" --dbname "$@"; }

init_files() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh)
        say "running $file"
        if [[ -x $file ]]; then "$file"; else . "$file"; fi
        ;;
      *.sql)
        say "running $file"
        run_psql "$POSTGRES_DB" -f "$file"
        ;;
      *.sql.gz)
        say "running $file"
        gunzip -c "$file" | run_psql "$POSTGRES_DB"
        ;;
      *) [[ -e $file ]] && say "ignoring $file" ;;
    esac
  done
  return 0
}

# Nobody but the scripts here can reach the server until the database is complete. A first start that was killed
# leaves its mark, and the next one begins anew instead of serving half a database.
first_start() {
  : >"$PGDATA.unfinished" || fail "$(dirname "$PGDATA") cannot be written by $(id -un)"
  find "$PGDATA" -mindepth 1 -delete
  init_cluster
  PGUSER=$POSTGRES_USER pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432" -w start
  if [[ $POSTGRES_DB != postgres ]]; then
    run_psql postgres --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
  fi
  init_files
  PGUSER=$POSTGRES_USER pg_ctl -D "$PGDATA" -m fast -w stop
  rm "$PGDATA.unfinished"
  say 'the database is there; starting the server'
}

main() {
  if [[ ${1:0:1} == - ]]; then set -- postgres "$@"; fi
  if is_postgres "$@"; then
    # Before root is given up: the files may be root's alone.
    file_env POSTGRES_PASSWORD
    file_env POSTGRES_USER postgres
    file_env POSTGRES_DB "$POSTGRES_USER"
    file_env POSTGRES_INITDB_ARGS
    : "${POSTGRES_HOST_AUTH_METHOD:=scram-sha-256}"
    own_folders
    if [[ $(id -u) == 0 ]]; then
      exec setpriv --reuid=postgres --regid=postgres --init-groups -- "${BASH_SOURCE[0]}" "$@"
    fi
    if [[ ! -s $PGDATA/PG_VERSION || -e $PGDATA.unfinished ]]; then first_start; fi
    unset POSTGRES_PASSWORD
  fi
  exec "$@"
}

main "$@"
