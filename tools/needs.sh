#!/usr/bin/env bash
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Looks whether the machine has what a target needs; as root it installs the Debian packages that are missing, otherwise
# it names them and fails.
#   needs.sh build     Go and Node.js, which come from nowhere by themselves
#   needs.sh browser   and Chromium
#   needs.sh test      and a PostgreSQL server, git, and the C compiler that the race detector wants
set -euo pipefail

what=${1:?usage: needs.sh build|browser|test}

missing_tools=()
command -v go >/dev/null || missing_tools+=("Go 1.26")
command -v node >/dev/null && command -v npm >/dev/null || missing_tools+=("Node.js 20 with npm")
if [ ${#missing_tools[@]} -gt 0 ]; then
  printf 'needed and not found: %s\n' "${missing_tools[@]}" >&2
  exit 1
fi

packages=()
if [ "$what" = browser ] || [ "$what" = test ]; then
  [ -x /usr/bin/chromium ] || [ -x /usr/bin/chromium-browser ] || [ -x /usr/bin/google-chrome ] || packages+=(chromium)
fi
if [ "$what" = test ]; then
  ls -d /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || packages+=(postgresql)
  command -v git >/dev/null || packages+=(git)
  command -v gcc >/dev/null || packages+=(gcc)
  [ -e /usr/include/stdlib.h ] || packages+=(libc6-dev)
fi
[ ${#packages[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "missing Debian packages: apt-get install ${packages[*]}" >&2
  exit 1
fi
echo "installing ${packages[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -q install -y --no-install-recommends "${packages[@]}"
