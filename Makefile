# SPDX-License-Identifier: AGPL-3.0-or-later
#
# run       build, then a demo federation on http://127.0.0.1:8080, data in ./data
# build     page assets and the program, ./bin/meetcoop
# test      everything there is to test; installs what it needs (apt-get, when root); ends with the counts
# check     format, vet, lint, types, import arrows, licences, texts, generated files; part of test
# bench     the benchmarks of docs/performance.md
# clients   foreign client libraries, fetched by npm and from the Go module proxy, against the gateway and two simulated servers
# soak      five minutes of 1,000 calls a second while a server dies: memory, descriptors and goroutines stay flat
# fuzz      every parser of foreign input for FUZZTIME (20s) each
# screenshots, a11y   pictures of the pages; the full accessibility matrix (both need Chromium)
# generate  rewrite generated files
# test-db   start a PostgreSQL server for tests and print the line that makes a shell use it
# clean     remove what was built; never ./data

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build
.PHONY: run build test check bench clients fuzz soak screenshots a11y generate clean test-db assets fmt vet lint types arch needs-build needs-browser
# Targets share two cores, a database and a build cache: one after the other.
.NOTPARALLEL:

# One way of building for program, vet and linter, so that a fresh machine compiles the dependencies once for
# them; the tests with the race detector need their own.
export CGO_ENABLED := 0
export GOFLAGS := -trimpath $(GOFLAGS)
export GOTOOLCHAIN := local
export GOLANGCI_LINT_CACHE := $(CURDIR)/.cache/golangci-lint

build: needs-build assets
	go build -o bin/meetcoop ./cmd/meetcoop

clients: build
	go build -o bin/bbbsim ./cmd/bbbsim
	go -C test/clients/b3lb build -o ../../../bin/b3lb .
	cd test/clients && ./install.sh && node run.mjs

SOAKTIME ?= 5m
soak: build
	go build -o bin/bbbsim ./cmd/bbbsim
	go run ./test/soak -for $(SOAKTIME)

FUZZTIME ?= 20s
fuzz:
	tools/fuzz.sh $(FUZZTIME)

run: build
	exec bin/meetcoop serve --demo

test:
	tools/test.sh

check: fmt vet lint types arch

fmt:
	@found=$$(git ls-files -z --cached --others --exclude-standard '*.go' | xargs -0 ls -d 2>/dev/null | xargs gofmt -l); \
	  [ -z "$$found" ] || { echo "not formatted (gofmt -w):"; echo "$$found"; exit 1; }

vet: assets
	go vet ./...
	go vet -tags noengine ./...
	go -C tools vet ./testcount

# The linter takes what it can get; two cores and 3 GB are enough for it and leave room for a server beside it.
lint: assets
	GOMAXPROCS=2 GOMEMLIMIT=3GiB go tool -modfile=tools/go.mod golangci-lint run

types: node_modules/.package-lock.json
	npm run --silent typecheck

arch:
	go test ./internal/arch

generate:
	go test ./internal/arch -run TestFaultsAreListed -update

assets: node_modules/.package-lock.json
	npm run --silent build

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --no-fund --no-audit
	@touch $@

# Figures count with a database that really writes; it goes away with the last benchmark.
bench: build
	@tools/needs.sh test
	@db=$$(mktemp -d "$${TMPDIR:-/tmp}/meetcoop-bench-XXXXXX"); chmod 755 "$$db"; trap 'tools/testdb/testdb.sh stop "$$db/db"; rm -rf "$$db"' EXIT; \
	  export MEETCOOP_TEST_POSTGRES=$$(tools/testdb/testdb.sh start "$$db/db" durable); \
	  go test -run '^$$' -bench . -benchmem -timeout 30m ./internal/...

screenshots: needs-browser build
	node test/browser/screenshots.mjs

a11y: needs-browser build
	node test/browser/a11y.mjs

test-db:
	@url=$$(tools/testdb/testdb.sh start "$${TMPDIR:-/tmp}/meetcoop-testdb-$$(id -u)"); echo "export MEETCOOP_TEST_POSTGRES='$$url'"

clean:
	tools/testdb/testdb.sh stop "$${TMPDIR:-/tmp}/meetcoop-testdb-$$(id -u)"
	rm -rf bin .cache node_modules test/browser/out
	find assets/dist -mindepth 1 ! -name .gitkeep -delete

needs-build:
	@tools/needs.sh build

needs-browser:
	@tools/needs.sh browser
