#!/bin/bash
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Runs every fuzz target for a while, one after the other: tools/fuzz.sh 5m. What is found lands in testdata/fuzz of its package
# and is committed with its mending.
set -eu -o pipefail
cd "$(dirname "$0")/.."
time=${1:-20s}
failed=0
total=0
while IFS=: read -r file name; do
	dir=./$(dirname "$file")
	total=$((total + 1))
	echo "== $name in $dir for $time"
	if ! go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" "$dir"; then
		failed=$((failed + 1))
	fi
done < <(git ls-files -z --cached --others --exclude-standard '*_test.go' | xargs -0 grep -Ho '^func Fuzz[A-Za-z0-9_]*' | sed 's/:func /:/')
echo "$((total - failed)) passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
