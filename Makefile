# Cloudkida. `make run` builds everything and serves it; `make test` proves it; `make help` lists the rest.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
STATIC := CGO_ENABLED=0 go build -trimpath -ldflags='-s -w'
AGENT := internal/runtime/agent/dist/cloudkida-agent
LINT := go tool -modfile=tools/lint/go.mod golangci-lint

GO_SOURCES := $(shell find cmd internal migrations labs -type f -not -path '*/dist/*' 2>/dev/null) go.mod go.sum
WEB_SOURCES := $(shell find web/src web/public web/scripts -type f 2>/dev/null) web/index.html web/package.json web/vite.config.ts api/openapi.json

.PHONY: help run build test test-go test-web test-e2e lint gen check bench screenshots clean need

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

run: build ## build, then serve on http://localhost:8080
	bin/cloudkida serve

build: need bin/cloudkida bin/runsc bin/postgres/.installed ## leave bin/cloudkida, bin/runsc and bin/postgres

need: # what a build needs, one line for each that is missing
	@tools/need.sh build

bin/cloudkida: $(GO_SOURCES) $(AGENT) web/dist/index.html
	go build -trimpath -ldflags='-X github.com/cloudkida/cloudkida/internal/server.Version=$(VERSION)' -o $@ ./cmd/cloudkida

$(AGENT): $(shell find cmd/agent internal/runtime/agent internal/runtime/sandbox -name '*.go' -not -name '*_test.go' 2>/dev/null) go.mod
	$(STATIC) -o $@ ./cmd/agent

bin/runsc: tools/runsc/go.mod tools/runsc/go.sum
	cd tools/runsc && $(STATIC) -o ../../bin/runsc gvisor.dev/gvisor/runsc

bin/postgres/.installed: tools/postgres/package-lock.json tools/postgres/install.sh
	tools/postgres/install.sh bin/postgres
	touch $@

web/node_modules/.installed: web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund --loglevel=error
	touch $@

web/dist/index.html: web/node_modules/.installed $(WEB_SOURCES)
	cd web && npm run build

e2e/node_modules/.installed: e2e/package.json e2e/package-lock.json
	cd e2e && npm ci --no-audit --no-fund --loglevel=error
	touch $@

test: build test-go test-web test-e2e ## prove everything, the browser included

test-go: bin/runsc bin/postgres/.installed $(AGENT) web/dist/index.html
	@tools/need.sh test
	go test -p 2 ./...

test-web: web/node_modules/.installed
	cd web && npm test

test-e2e: build e2e/node_modules/.installed
	@tools/need.sh test
	cd e2e && npx playwright test

lint: web/dist/index.html $(AGENT)
	$(LINT) run ./...

gen: web/node_modules/.installed $(AGENT) ## write api/openapi.json and what is generated from it
	go run ./cmd/cloudkida openapi > api/openapi.json.new && mv api/openapi.json.new api/openapi.json
	cd web && npm run gen

check: need lint ## everything that needs no running program: format, lint, types, generated files
	@test -z "$$(gofmt -l cmd internal migrations labs)" || { echo "gofmt: run gofmt -w on:"; gofmt -l cmd internal migrations labs; exit 1; }
	go vet ./...
	go mod tidy -diff
	go run ./cmd/cloudkida openapi | diff -u api/openapi.json - || { echo "api/openapi.json is out of date: make gen"; exit 1; }
	cd web && npm run check

bench: build ## measure, and print a table: ours, peer, ratio, target
	@tools/need.sh bench
	go run ./bench

screenshots: build e2e/node_modules/.installed ## write the main pages to docs/img
	@tools/need.sh test
	cd e2e && npx playwright test --config playwright.screenshots.ts

clean: ## remove what was built
	rm -rf bin web/dist/assets web/dist/index.html $(AGENT) web/node_modules e2e/node_modules tools/postgres/node_modules
