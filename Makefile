# What can be done with this repository. `make` alone lists it.

SHELL         := bash
.SHELLFLAGS   := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS     += --no-print-directory

export GO ?= go
PACKAGE  := github.com/seldonctl/seldonctl
EXE      := $(shell $(GO) env GOEXE 2>/dev/null)

# Version, commit and date come from git, or stay unset without it; `make VERSION=1.2.3` sets them by hand.
VERSION  ?= $(shell hack/version.sh version)
COMMIT   ?= $(shell hack/version.sh commit)
DATE     ?= $(shell hack/version.sh date)
STAMP     = -X $(PACKAGE)/internal/cli.version=$(VERSION) -X $(PACKAGE)/internal/cli.commit=$(COMMIT) -X $(PACKAGE)/internal/cli.date=$(DATE)

# One static binary, and one build cache for binaries, tests and lint alike.
export CGO_ENABLED ?= 0
# The stamp above says where a binary comes from; Go's own would fail where git refuses to look.
export GOFLAGS := $(strip $(filter-out -buildvcs=%,$(GOFLAGS)) -buildvcs=false)
# Where the tests that need a real API server find the embedded cluster.
export SELDONCTL_LOCAL := $(CURDIR)/bin/seldonctl-local$(EXE)

# The package pattern and further flags of `go test`, for example: make test-unit PKG=./internal/judge/... FLAGS=-run=TestFind
PKG      ?= ./...
FLAGS    ?=

# `make soak`: how many histories, and the seed of the first.
N        ?= 100000
FIRST    ?= 1

# The name and pace of the cluster that `make local-up` starts.
NAME     ?= dev
PACE     ?= realistic

# `make build`: the platform, and the images that the Dockerfile builds in and builds on.
PLATFORM ?= $(shell $(GO) env GOOS 2>/dev/null || echo linux)/$(shell $(GO) env GOARCH 2>/dev/null || echo amd64)
IMAGE    ?= seldonctl:$(VERSION)

.PHONY: help
help: ## list the targets
	@echo "Usage: make TARGET"; echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

##  See it work

.PHONY: demo
demo: binary local ## a model's whole life on an embedded cluster, then one that fails (under 3 minutes after the build)
	@hack/demo.sh

##  Build

.PHONY: binary
binary: ## bin/seldonctl for this platform, nothing else
	@mkdir -p bin
	$(GO) build -ldflags '$(STAMP)' -o bin/seldonctl$(EXE) ./cmd/seldonctl

.PHONY: build-dev
build-dev: vet test-unit-main binary ## vet and test the main module, then bin/seldonctl (under a minute once warm)

.PHONY: build
build: ## bin/seldonctl and a runnable image, in Docker: make build PLATFORM=linux/amd64
	@VERSION='$(VERSION)' COMMIT='$(COMMIT)' DATE='$(DATE)' hack/docker-build.sh '$(PLATFORM)' '$(IMAGE)'

.PHONY: local
local: ## bin/seldonctl-local, the embedded cluster (minutes the first time, then from a cache)
	@hack/build-local.sh

.PHONY: release-snapshot
release-snapshot: ## the archives of a release in dist/, for all platforms, without publishing
	@VERSION='$(VERSION)' COMMIT='$(COMMIT)' DATE='$(DATE)' hack/release.sh --snapshot --clean

.PHONY: reproducible
reproducible: ## build the snapshot twice and compare: two builds of one commit are identical
	@hack/reproducible.sh

##  Check

.PHONY: test
test: lint test-unit test-race test-simulation test-integration ## everything: lint, unit tests of both modules, simulation, integration on the embedded cluster

.PHONY: lint
lint: ## golangci-lint over both modules, the licences of all dependencies, shellcheck over the scripts where it is installed
	hack/lint.sh .
	hack/lint.sh local
	hack/licences.sh
	@if command -v shellcheck >/dev/null; then shellcheck .ci/run hack/*.sh; else echo "shellcheck is not installed: the scripts are not checked"; fi

.PHONY: vuln
vuln: ## known vulnerabilities of all dependencies (asks https://vuln.go.dev, and says so where that cannot be reached)
	@hack/vuln.sh

.PHONY: vet
vet:
	$(GO) vet -tags=integration ./...

.PHONY: test-unit
test-unit: test-unit-main ## unit tests of both modules
	cd local && $(GO) test $(FLAGS) ./...

.PHONY: test-unit-main
test-unit-main:
	$(GO) test $(FLAGS) $(PKG)

.PHONY: test-race
test-race: ## unit tests of the main module with the race detector (skipped, and said so, without a C compiler)
	@if command -v "$$($(GO) env CC)" >/dev/null; then \
	  set -x; CGO_ENABLED=1 $(GO) test -race -short $(FLAGS) $(PKG); \
	else echo "no C compiler: the tests are not run with the race detector"; fi

.PHONY: test-simulation
test-simulation: ## 10,000 seeded histories of a simulated cluster, in under 3 minutes on 2 cores
	$(GO) test -count=1 -run=TestHistories $(FLAGS) ./internal/simworld -histories=10000

.PHONY: soak
soak: ## more of them, with a table of what went wrong in which phase: make soak N=100000 FIRST=1
	$(GO) test -count=1 -timeout=0 -run=TestHistories -v ./internal/simworld -histories=$(N) -first=$(FIRST) -table

.PHONY: test-integration
test-integration: binary local ## the tests that need the embedded cluster, of both modules
	$(GO) test -tags=integration -count=1 -timeout=40m $(FLAGS) ./test/...
	cd local && $(GO) test -tags=integration -count=1 -timeout=40m $(FLAGS) ./...

.PHONY: bench
bench: binary local ## compare with kubectl and with polling: make bench, or make bench FLAGS=-update
	@export KUBECTL="$${KUBECTL:-$$(command -v kubectl || true)}"; \
	if [ -z "$$KUBECTL" ]; then \
	  echo "kubectl is not on PATH: building the one of the embedded cluster's Kubernetes, bin/kubectl"; \
	  (cd local && $(GO) build -o $(CURDIR)/bin/kubectl k8s.io/kubernetes/cmd/kubectl); \
	  KUBECTL=$(CURDIR)/bin/kubectl; \
	fi; \
	set -x; $(GO) test -tags=integration -timeout=60m -run='^$$' -bench=Life -benchtime=1x ./test/bench $(FLAGS)

##  The embedded cluster by hand

.PHONY: local-up
local-up: local ## start an embedded cluster and print its KUBECONFIG: make local-up NAME=dev PACE=instant
	@bin/seldonctl-local$(EXE) up --detach --name '$(NAME)' --pace='$(PACE)'

.PHONY: local-down
local-down: local ## stop it: make local-down NAME=dev
	@bin/seldonctl-local$(EXE) down --name '$(NAME)'

.PHONY: clean
clean: ## remove bin/ and dist/ (the caches of Go and of the embedded cluster stay)
	rm -rf bin dist
