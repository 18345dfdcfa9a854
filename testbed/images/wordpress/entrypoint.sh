#!/bin/sh
# Fills an empty /var/www/html with WordPress and a wp-config.php with keys of its own, then runs the web server.
# WORDPRESS_DB_HOST, WORDPRESS_DB_USER, WORDPRESS_DB_PASSWORD, WORDPRESS_DB_NAME, WORDPRESS_TABLE_PREFIX, each also as
# NAME_FILE, are read by wp-config.php whenever a page is made.
set -eu
if [ ! -e wp-config.php ]; then
  # The packages share files by links; a site has its own, as it may update them.
  cp -rL /usr/src/wordpress/. .
  keys=""
  for name in AUTH_KEY SECURE_AUTH_KEY LOGGED_IN_KEY NONCE_KEY AUTH_SALT SECURE_AUTH_SALT LOGGED_IN_SALT NONCE_SALT; do
    keys="$keys$(printf "define('%s', '%s');" "$name" "$(head -c 48 /dev/urandom | base64 | tr -d '\n')")\n"
  done
  sed "s|^// KEYS\$|$keys|" /usr/src/wp-config.php >wp-config.unfinished
  if [ "$(id -u)" = 0 ]; then chown -R www-data:www-data .; fi
  # Renamed last: its absence means that the copy above may be incomplete.
  mv wp-config.unfinished wp-config.php
fi
exec "$@"
