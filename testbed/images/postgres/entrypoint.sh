#!/bin/sh
# Initialises a PostgreSQL data directory once, then runs the server as the user postgres.
# POSTGRES_PASSWORD (required the first time), POSTGRES_USER, POSTGRES_DB, each also as NAME_FILE;
# PGDATA; *.sql and *.sh in /docker-entrypoint-initdb.d run once, after the first start.
set -eu

if [ "${1:-postgres}" != postgres ] && [ "${1#-}" = "$1" ]; then
  exec "$@"
fi
[ "${1:-}" != postgres ] || shift

sockets=/var/run/postgresql
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" "$sockets"
  chmod 0700 "$PGDATA"
  chown -R postgres:postgres "$PGDATA" "$sockets"
  exec busybox su postgres -s /bin/sh -c 'exec /entrypoint.sh postgres "$@"' -- sh "$@"
fi

value() { # NAME DEFAULT: the variable NAME, or the file that NAME_FILE names
  eval "direct=\${$1:-} file=\${$1_FILE:-}"
  if [ -n "$file" ]; then cat "$file"; else printf %s "${direct:-$2}"; fi
}

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  user=$(value POSTGRES_USER postgres)
  password=$(value POSTGRES_PASSWORD "")
  database=$(value POSTGRES_DB "$user")
  if [ -z "$password" ]; then
    echo "entrypoint: POSTGRES_PASSWORD is not set" >&2
    exit 1
  fi
  secret=$(mktemp)
  printf '%s\n' "$password" >"$secret"
  initdb --username="$user" --pwfile="$secret" --auth-host=scram-sha-256 --auth-local=trust \
    --locale=C.UTF-8 --encoding=UTF8
  rm "$secret"
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  # No address yet: nobody may connect before the scripts have run.
  pg_ctl --wait -o "-c listen_addresses=''" start
  [ "$database" = postgres ] || createdb --username="$user" "$database"
  for script in /docker-entrypoint-initdb.d/*; do
    case "$script" in
      *.sql) psql --set=ON_ERROR_STOP=1 --username="$user" --dbname="$database" --file="$script" ;;
      *.sh) sh "$script" ;;
    esac
  done
  pg_ctl --wait --mode=fast stop
fi
exec postgres -c "listen_addresses=*" "$@"
