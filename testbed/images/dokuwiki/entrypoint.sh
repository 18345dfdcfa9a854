#!/bin/sh
# Fills /storage with DokuWiki's default settings and first pages where they are missing, then runs the web server.
# PHP_UPLOADLIMIT, PHP_MEMORYLIMIT, PHP_TIMEZONE are read by PHP itself.
set -eu
for folder in conf data; do
  if [ ! -e "/storage/$folder" ]; then
    rm -rf "/storage/.$folder"
    cp -r "/usr/share/dokuwiki-first/$folder" "/storage/.$folder"
    mv "/storage/.$folder" "/storage/$folder"
  fi
done
exec "$@"
