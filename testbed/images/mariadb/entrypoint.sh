#!/bin/sh
# Initialises a MariaDB data directory once, then runs the server as the user mysql.
# MARIADB_ROOT_PASSWORD or MARIADB_RANDOM_ROOT_PASSWORD (one is required the first time), MARIADB_DATABASE, MARIADB_USER,
# MARIADB_PASSWORD, each also as MYSQL_NAME and as NAME_FILE; *.sql and *.sh in /docker-entrypoint-initdb.d run once,
# after the first start.
set -eu
data=/var/lib/mysql
sockets=/run/mysqld

if [ "${1:-mariadbd}" != mariadbd ] && [ "${1#-}" = "$1" ]; then
  exec "$@"
fi
[ "${1:-}" != mariadbd ] || shift

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$data" "$sockets"
  chown -R mysql:mysql "$data" "$sockets"
  exec busybox su mysql -s /bin/sh -c 'exec /entrypoint.sh mariadbd "$@"' -- sh "$@"
fi

value() { # NAME: the variable MARIADB_NAME or MYSQL_NAME, or the file that one with _FILE names
  eval "direct=\${MARIADB_$1:-\${MYSQL_$1:-}} file=\${MARIADB_$1_FILE:-\${MYSQL_$1_FILE:-}}"
  if [ -n "$file" ]; then cat "$file"; else printf %s "$direct"; fi
}

quoted() { # TEXT: as an SQL string
  printf "'%s'" "$(printf %s "$1" | sed -e 's/\\/\\\\/g' -e "s/'/''/g")"
}

# Cut off in the middle of its first start, it has nothing yet that anybody wrote.
if [ -e "$data/.unfinished" ]; then
  find "$data" -mindepth 1 -delete
fi
if [ ! -d "$data/mysql" ]; then
  root=$(value ROOT_PASSWORD)
  if [ -z "$root" ] && [ -n "$(value RANDOM_ROOT_PASSWORD)" ]; then
    root=$(head -c 24 /dev/urandom | base64)
  fi
  if [ -z "$root" ]; then
    echo "entrypoint: set MARIADB_ROOT_PASSWORD or MARIADB_RANDOM_ROOT_PASSWORD" >&2
    exit 1
  fi
  touch "$data/.unfinished"
  mariadb-install-db --no-defaults --datadir="$data" --auth-root-authentication-method=normal --skip-test-db \
    --skip-name-resolve >/dev/null
  # No address yet: nobody may connect before the accounts are there.
  mariadbd --no-defaults --datadir="$data" --socket="$sockets/first.sock" --skip-networking &
  server=$!
  sql() { mariadb --no-defaults --socket="$sockets/first.sock" --user=root "$@"; }
  until sql --execute "select 1" >/dev/null 2>&1; do
    kill -0 "$server"
    sleep 0.2
  done
  user=$(value USER) database=$(value DATABASE)
  {
    [ -z "$database" ] || printf 'create database `%s`;\n' "$database"
    if [ -n "$user" ]; then
      printf 'create user %s identified by %s;\n' "$(quoted "$user")@'%'" "$(quoted "$(value PASSWORD)")"
      [ -z "$database" ] || printf 'grant all on `%s`.* to %s;\n' "$database" "$(quoted "$user")@'%'"
    fi
    # May do nothing but connect: what healthcheck.sh does.
    printf "create user healthcheck@'127.0.0.1';\n"
  } | sql
  for script in /docker-entrypoint-initdb.d/*; do
    case "$script" in
      *.sql) sql "$database" <"$script" ;;
      *.sh) sh "$script" ;;
    esac
  done
  # Of the accounts without a password only this session's is left, and it gets one.
  {
    echo "delete from mysql.global_priv where user = '' or (user = 'root' and host <> 'localhost'); flush privileges;"
    printf "create user root@'%%' identified by %s; grant all on *.* to root@'%%' with grant option;\n" "$(quoted "$root")"
    printf "alter user root@localhost identified by %s; shutdown;\n" "$(quoted "$root")"
  } | sql
  wait "$server"
  rm "$data/.unfinished"
fi
exec mariadbd --no-defaults --datadir="$data" --socket="$sockets/mysqld.sock" --skip-name-resolve --bind-address=0.0.0.0 "$@"
