# `make run` builds everything and serves it; `make test` proves it; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

.PHONY: help run build test test-go test-web test-e2e fuzz check lint gen bench screenshots sbom clean \
	agent program need-build need-test need-bench

# Packages that compile or are tested at once; sandboxes and a database want some of the machine too.
P ?= 2
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
STATIC := CGO_ENABLED=0 go build -p $(P) -trimpath
SMALL := -s -w
VERSIONED := -X github.com/cloudkida/cloudkida/internal/server.Version=$(VERSION)

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## Build, then serve on http://localhost:8080
	@exec bin/cloudkida serve

build: need-build bin/runsc bin/postgres/.installed program ## Leave bin/cloudkida, bin/runsc and bin/postgres

test: test-go test-web test-e2e ## Prove that everything works, the browser included

test-go: build need-test
	go test -p $(P) -timeout 20m ./...

test-web: web/node_modules/.installed
	cd web && npm run --silent test

test-e2e: build need-test e2e/node_modules/.installed
	cd e2e && npx playwright test

# Each target of `go test -fuzz` in turn, for FUZZTIME: go takes one at a time. What it finds is kept in testdata/fuzz: commit it.
FUZZTIME ?= 3m
FUZZ := ./internal/app/identity:FuzzAccessToken ./internal/platform/httpx:FuzzCheckJSON ./internal/platform/list:FuzzCursor \
	./internal/app/policy:FuzzText ./internal/app/apikey:FuzzParse ./internal/server:FuzzBody \
	./internal/platform/audit/chain:FuzzVerifyFile ./internal/control/export/archive:FuzzCheck ./internal/platform/brand:FuzzLogo \
	./internal/platform/letter:FuzzSource ./internal/app/lab/manifest:FuzzUnpack ./internal/app/lab/manifest:FuzzParse \
	./internal/app/lab/guide:FuzzRender ./internal/app/lab/run:FuzzLastLine ./internal/runtime/sandbox:FuzzParseFrame

fuzz: need-test ## Throw random input at what reads what anybody may have made
	@for target in $(FUZZ); do echo "$$target"; go test -run '^$$' -fuzz "^$${target##*:}$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x -parallel $(P) "$${target%:*}"; done

check: program bin/golangci-lint bin/oapi-codegen e2e/node_modules/.installed ## Check format, style, types and generated files
	@tools/check.sh

lint: need-build agent web/dist/index.html bin/golangci-lint ## Run the Go linters alone
	bin/golangci-lint run -j $(P)

gen: program ## Write api/openapi.json, the console's types, the Go client and docs/api-permissions.md, which come from it
	bin/cloudkida openapi > api/openapi.json.new && mv api/openapi.json.new api/openapi.json
	bin/cloudkida permissions > docs/api-permissions.md.new && mv docs/api-permissions.md.new docs/api-permissions.md
	cd web && npm run --silent gen
	$(MAKE) --no-print-directory client/api.gen.go

# The Go client comes from the same description, as OpenAPI 3.0.
client/api.gen.go: api/openapi.json tools/client/config.yaml bin/oapi-codegen
	bin/cloudkida openapi --for-generators > bin/openapi-3.0.json
	bin/oapi-codegen -config tools/client/config.yaml -o client/api.gen.go bin/openapi-3.0.json

bench: build need-bench ## Measure starts, keystrokes and size beside runc: one table
	go run ./bench

screenshots: build need-test e2e/node_modules/.installed ## Take the documentation's pictures into docs/img
	cd e2e && npx playwright test --config screenshots.config.ts

# What is built is asked, not what was meant to be built. Of the console and of PostgreSQL, their locked packages.
sbom: program bin/runsc bin/cyclonedx-gomod ## List all parts with their versions and licences (CycloneDX), into bin/sbom
	mkdir -p bin/sbom
	bin/cyclonedx-gomod bin -json -licenses -output bin/sbom/cloudkida.json bin/cloudkida
	bin/cyclonedx-gomod bin -json -licenses -output bin/sbom/runsc.json bin/runsc
	cd web && npm sbom --sbom-format cyclonedx --package-lock-only --omit dev > ../bin/sbom/console.json
	cd tools/postgres && npm sbom --sbom-format cyclonedx --package-lock-only > ../../bin/sbom/postgres.json

clean: ## Remove what was built; data directories stay
	rm -rf bin {web,e2e,tools/postgres}/node_modules e2e/{test-results,playwright-report}
	find web/dist internal/runtime/agent/dist -mindepth 1 ! -name .gitkeep -delete

# The agent and the console are embedded in the program, so they come first. What go builds is always asked for: go
# itself knows best what changed.
program: need-build agent web/dist/index.html
	$(STATIC) -ldflags='$(SMALL) $(VERSIONED)' -o bin/cloudkida ./cmd/cloudkida

agent: need-build
	$(STATIC) -ldflags='$(SMALL)' -o internal/runtime/agent/dist/cloudkida-agent ./cmd/agent

WEB_SOURCES := $(shell find web \( -path web/node_modules -o -path web/dist \) -prune -o -type f ! -name '*.tsbuildinfo' -print)

web/dist/index.html: $(WEB_SOURCES) web/node_modules/.installed
	cd web && npm run --silent build
	touch $@

%/node_modules/.installed: %/package.json %/package-lock.json | need-build
	cd $* && npm ci --no-audit --no-fund --loglevel=error
	touch $@

# runsc and the linters have modules of their own, so that their requirements do not bend ours. Either takes minutes on
# a cold cache, and is built anew only when its version changes.
bin/runsc: tools/runsc/go.mod tools/runsc/go.sum | need-build
	cd tools/runsc && $(STATIC) -ldflags='$(SMALL)' -o ../../bin/runsc gvisor.dev/gvisor/runsc

bin/golangci-lint: tools/lint/go.mod tools/lint/go.sum | need-build
	cd tools/lint && $(STATIC) -ldflags='$(SMALL)' -o ../../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint

bin/cyclonedx-gomod: tools/sbom/go.mod tools/sbom/go.sum | need-build
	cd tools/sbom && $(STATIC) -ldflags='$(SMALL)' -o ../../bin/cyclonedx-gomod github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod

bin/postgres/.installed: tools/postgres/install.sh tools/postgres/package-lock.json | need-build
	tools/postgres/install.sh bin/postgres
	touch $@

bin/oapi-codegen: tools/client/go.mod tools/client/go.sum | need-build
	cd tools/client && $(STATIC) -ldflags='$(SMALL)' -o ../../bin/oapi-codegen github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen

need-build need-test need-bench: need-%:
	@tools/need.sh $*
