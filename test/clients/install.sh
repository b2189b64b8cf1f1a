#!/usr/bin/env bash
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Fetches the libraries of npm. Scripts of packages do not run, except that of node-expat, the parser below two of the libraries, which
# is compiled: with the headers that came with Node.js, or else those that npm fetches. It needs a C++ compiler, make and Python.
set -euo pipefail
cd "$(dirname "$0")"

npm install --no-audit --no-fund --no-package-lock --ignore-scripts --silent
node -e 'require("node-expat")' 2>/dev/null && exit 0

prefix=$(node -p 'require("node:path").resolve(process.execPath, "../..")')
[ ! -e "$prefix/include/node/node.h" ] || export npm_config_nodedir=$prefix
npm rebuild node-expat
