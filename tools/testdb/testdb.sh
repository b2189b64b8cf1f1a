#!/usr/bin/env bash
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Starts or stops a throw-away PostgreSQL server for tests, on loopback, in a temporary directory.
#   testdb.sh start DIR           prints the URL of its maintenance database
#   testdb.sh start DIR durable   the same, and a commit is on the disk, as benchmarks want it
#   testdb.sh stop DIR
# PostgreSQL refuses to run as root; as root this script runs it as the user "postgres".
set -euo pipefail

dir=${2:?usage: testdb.sh start|stop DIR}
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || { echo "PostgreSQL server is not installed: apt-get install postgresql" >&2; exit 1; }
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

case ${1:-} in
start)
  mkdir -p "$dir"
  [ "$(id -u)" != 0 ] || chown postgres "$dir"
  if [ ! -f "$dir/data/PG_VERSION" ]; then
    as "$bin/initdb" -D "$dir/data" -U meetcoop --auth=trust --no-sync -E UTF8 --locale=C.UTF-8 >"$dir/initdb.log" 2>&1 ||
      { cat "$dir/initdb.log" >&2; exit 1; }
  fi
  if ! as "$bin/pg_ctl" -D "$dir/data" status >/dev/null 2>&1; then
    port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])' 2>/dev/null ||
           node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
    # A test database need not survive a power cut; everything else is as in production.
    careless="-c fsync=off -c full_page_writes=off -c synchronous_commit=off"
    [ "${3:-}" != durable ] || careless=
    as "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/server.log" start \
      -o "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories='' $careless -c max_connections=400 -c shared_buffers=128MB -c autovacuum=off" >/dev/null ||
      { cat "$dir/server.log" >&2; exit 1; }
    echo "$port" > "$dir/port"
  fi
  echo "postgres://meetcoop@127.0.0.1:$(cat "$dir/port")/postgres?sslmode=disable"
  ;;
stop)
  as "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true
  rm -rf "$dir"
  ;;
*) echo "usage: testdb.sh start|stop DIR" >&2; exit 2 ;;
esac
