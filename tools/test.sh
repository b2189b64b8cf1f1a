#!/usr/bin/env bash
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# make test: everything, one after the other; a part that fails does not keep the next from running. The last line is
# "N passed, N failed, N skipped"; the exit code is 0 only when nothing failed and nothing was skipped.
set -uo pipefail
cd "$(dirname "$0")/.."

tools/needs.sh test || exit 1

work=$(mktemp -d "${TMPDIR:-/tmp}/meetcoop-test-XXXXXX")
chmod 755 "$work" # the database server runs as another user
counts=$work/counts
stop() {
  tools/testdb/testdb.sh stop "$work/db"
  rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

part() { printf '\n== %s (%dm%02ds)\n' "$1" $((SECONDS / 60)) $((SECONDS % 60)); }
count() { "$work/testcount" -to "$counts" "$@"; }
# step NAME COMMAND...: something that is right or wrong as a whole, and counts as one test.
step() {
  local name=$1
  shift
  part "$name"
  if "$@"; then count -add "$name" 1 0 0; else echo "FAIL: $name"; count -add "$name" 0 1 0; fi
}

# tests COMMAND...: a `go test -json`; that it fails without naming a test is a failure too.
tests() {
  "$@" | count
  local status=${PIPESTATUS[0]}
  if [ "$status" != 0 ] && [ "$(tail -n 1 "$counts" | cut -d ' ' -f 2)" = 0 ]; then
    echo "FAIL: $* (exit code $status)"
    count -add "go test" 0 1 0
  fi
}

go -C tools build -o "$work/testcount" ./testcount || exit 1

step "program and page assets" make --no-print-directory build
step "checks" make --no-print-directory check

part "database"
MEETCOOP_TEST_POSTGRES=$(tools/testdb/testdb.sh start "$work/db") || { count -add database 0 1 0; }
export MEETCOOP_TEST_POSTGRES

part "Go tests on SQLite and PostgreSQL, with the race detector"
# internal/arch reads sources, which takes the race detector a minute and tells it nothing. The database engine in Go is
# not ours to watch and would take half of the time; what we do with it is. A program that was built with the detector
# sleeps a second before it ends, which the tests of commands would do a hundred times.
go list -e ./... | grep -v '/internal/arch$' >"$work/packages"
mapfile -t packages <"$work/packages"
tests env CGO_ENABLED=1 GORACE=atexit_sleep_ms=20 go test -json -race -gcflags='modernc.org/...=-race=false -d=checkptr=0' -shuffle=on -p 3 -timeout 20m "${packages[@]}"
tests go test -json ./internal/arch

part "the program without an engine of its own"
step "build without engine" go build -tags noengine -o "$work/meetcoop-noengine" ./cmd/meetcoop
tests go test -json -tags noengine -shuffle=on -p 2 -timeout 10m ./internal/app/... ./internal/engine/...

part "tools"
tests go -C tools test -json ./testcount

part "browser"
MEETCOOP_TEST_BINARY=$PWD/bin/meetcoop node test/browser/run.mjs 2>&1 | tee "$work/browser.log"
status=$?
if line=$(grep -E '^browser: [0-9]+ passed, [0-9]+ failed' "$work/browser.log" | tail -n 1) && [ -n "$line" ]; then
  read -r passed failed <<<"$(sed -E 's/^browser: ([0-9]+) passed, ([0-9]+) failed.*/\1 \2/' <<<"$line")"
  [ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1 # it died after its last word
  count -add browser "$passed" "$failed" 0
else
  echo "FAIL: the browser tests gave no counts (exit code $status)"
  count -add browser 0 1 0
fi

printf '\n== all of it (%dm%02ds)\n' $((SECONDS / 60)) $((SECONDS % 60))
"$work/testcount" -sum "$counts"
