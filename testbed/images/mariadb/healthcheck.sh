#!/bin/sh
# What compose files for MariaDB ask for: --connect, --innodb_initialized. Fails until the server answers at its address.
set -eu
for check; do
  case "$check" in
    --connect) query="select 1" ;;
    --innodb_initialized)
      query="select 1 from information_schema.engines where engine = 'InnoDB' and support in ('YES', 'DEFAULT')" ;;
    *)
      echo "healthcheck: unknown check $check" >&2
      exit 2 ;;
  esac
  [ "$(mariadb --no-defaults --host=127.0.0.1 --user=healthcheck --skip-column-names --execute "$query")" = 1 ]
done
