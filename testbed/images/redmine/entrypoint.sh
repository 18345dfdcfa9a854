#!/bin/sh
# Brings Redmine's database up to date, then runs its web server as the user redmine.
# REDMINE_DB_POSTGRES (host), REDMINE_DB_PORT, REDMINE_DB_USERNAME, REDMINE_DB_PASSWORD,
# REDMINE_DB_DATABASE, SECRET_KEY_BASE or REDMINE_SECRET_KEY_BASE, each also as NAME_FILE;
# REDMINE_LANG for the first default data; REDMINE_NO_DB_MIGRATE leaves the database alone.
set -eu
cd /usr/src/redmine

for name in REDMINE_DB_POSTGRES REDMINE_DB_PORT REDMINE_DB_USERNAME REDMINE_DB_PASSWORD \
  REDMINE_DB_DATABASE SECRET_KEY_BASE REDMINE_SECRET_KEY_BASE; do
  eval "file=\${${name}_FILE:-}"
  if [ -n "$file" ]; then export "$name=$(cat "$file")"; fi
done

if [ "$(id -u)" = 0 ]; then
  # A fresh volume belongs to root.
  chown redmine:redmine files
  exec busybox su redmine -s /bin/sh -c 'exec /entrypoint.sh "$@"' -- sh "$@"
fi

# Without a key of its own an instance signs people out whenever it restarts.
export SECRET_KEY_BASE="${SECRET_KEY_BASE:-${REDMINE_SECRET_KEY_BASE:-$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')}}"
# No package script ran that would have pinned the gems.
bundle install --local --quiet
if [ -z "${REDMINE_NO_DB_MIGRATE:-}" ]; then
  SCHEMA=/dev/null bundle exec rake --silent testbed:prepare
fi
exec "$@"
