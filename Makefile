# Everything here needs Go (see go.mod) and Debian's standard tools, nothing else.
GO      ?= go
GOFMT    = $(shell $(GO) env GOROOT)/bin/gofmt
SOURCES  = cmd internal scripts
VERSION := $(shell git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null)
LDFLAGS  = -s -w $(if $(VERSION),-X starferry/internal/cli.Version=$(VERSION:v%=%))
# How long "make fuzz" spends on each target, how many sequences of statements it and "make
# soak" play, and how many random tables they compare (from PARITY_SEED on).
FUZZTIME      ?= 10s
DDL_SEEDS     ?= 30
PARITY_TABLES ?= 100
PARITY_SEED   ?= 1
# How long "make soak" goes on, and how many histories "make sim" plays. SEED repeats
# what they print, on its own.
SOAK ?= 10m
N    ?= 100000
SEED ?=
# How often "make bench" measures each thing.
REPEAT ?= 3

# One setting for everything, so that nothing is compiled twice.
export CGO_ENABLED = 0

.DEFAULT_GOAL := help
.PHONY: help build demo test soak huge sim figures bench bench-peers interop lint fuzz random clean need-go

help: ## Print this help.
	@echo "Starferry keeps StarRocks tables in step with MySQL, from one SQL statement."
	@echo
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r what why; do printf '%-13s %s\n' "$$what" "$$why"; done

build: need-go ## Build bin/starferry, one static binary.
	@echo "building bin/starferry"
	@$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/starferry ./cmd/starferry

demo: build ## Walk the tutorial, and a whole database, on a real MySQL and the built-in StarRocks stand-in (KEEP=1 leaves both up).
	@KEEP='$(KEEP)' $(GO) run -trimpath ./scripts/demo

test: need-go ## Run all tests, with real MySQL and MariaDB servers (about 10 minutes on 2 cores).
	@echo "making sure that MySQL and MariaDB can be started"
	@$(GO) run -trimpath ./scripts/provision
	@echo "testing: a line for each package; internal/endtoend is the last one and takes minutes without a word"
	@$(GO) test -timeout 14m ./...
	@out=$$($(GO) test -run '^TestConformance(List)?$$' -v ./internal/emulator) || { echo "$$out"; exit 1; }; \
		echo "$$out" | sed -n 's/^.*_test.go:[0-9]*: \(conformance: \)/\1/p'

soak: need-go ## Kill, cut and crash everything at random for SOAK (10m); SEED repeats a round. Then random statements and tables.
	@$(GO) run -trimpath ./scripts/provision
	@log=$$(mktemp -d) && { STARFERRY_SOAK=$(SOAK) STARFERRY_SEED=$(SEED) $(GO) test -count=1 -timeout 0 -v -run '^TestSoak(Exactly|TornLogs)?$$' ./internal/endtoend; \
		echo $$? >$$log/code; } 2>&1 | tee $$log/out; \
		sed -n 's/^.*_test.go:[0-9]*: \(soak: \)/\1/p' $$log/out; code=$$(cat $$log/code); rm -rf $$log; exit $$code
	@[ -n '$(SEED)' ] || $(MAKE) --no-print-directory random

huge: need-go ## Follow binary logs of more than 4 GiB (minutes, and 15 GB of disk at a time).
	@$(GO) run -trimpath ./scripts/provision
	@STARFERRY_HUGE=1 $(GO) test -count=1 -timeout 0 -v -run '^TestALogOver4GiB$$' ./internal/endtoend

sim: need-go ## Play N (100000) simulated histories of each world, in both deliveries; SEED is the first.
	@STARFERRY_SIM_HISTORIES=$(N) STARFERRY_SIM_FIRST=$(SEED) $(GO) test -count=1 -timeout 0 -v -run '^TestSimulated' ./internal/ferry

figures: build ## Measure on this machine: restart with 100 tables, copy rate and its cost (10 minutes).
	@$(GO) run -trimpath ./scripts/figures $(ARGS)

bench: build ## Measure every road beside its limit (ARGS="-quick", "-only narrow,wide", "-profile DIR"; REPEAT=3).
	@mkdir -p bin && $(GO) build -trimpath -o bin/bench ./scripts/bench && exec bin/bench -repeat $(REPEAT) $(ARGS)

bench-peers: build ## The same work for Flink CDC, Debezium and starferry (8 minutes; needs a JDK and Maven; ARGS=-quick).
	@$(GO) run -trimpath ./scripts/bench-peers $(ARGS)

interop: build ## Let StarRocks' own Java clients write into the stand-in (needs a JDK and Maven).
	@scripts/interop/run

lint: need-go ## Check formatting, vet and staticcheck.
	@echo "gofmt"; bad=$$($(GOFMT) -l $(SOURCES)) || exit 1; \
		if [ -n "$$bad" ]; then echo "not formatted (gofmt -w mends it):"; echo "$$bad"; exit 1; fi
	@echo "go vet"; $(GO) vet ./...
	@echo "staticcheck"; $(GO) tool staticcheck ./...

fuzz: need-go ## Fuzz every parser and decoder for FUZZTIME (10s) each; random statements and tables on real servers.
	@list=$$(grep -rl --include='*_test.go' '^func Fuzz' $(SOURCES) | xargs -r -n1 dirname | sort -u); \
	for dir in $$list; do \
		for target in $$(grep -ho '^func Fuzz[A-Za-z0-9_]*' $$dir/*_test.go | cut -c6-); do \
			echo "fuzzing $$dir $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) ./$$dir || exit 1; \
		done; \
	done
	@$(MAKE) --no-print-directory random

# random compares what statements make of tables, and what SELECT and the log say of rows, with real servers.
random: need-go
	@echo "random statements on real servers, $(DDL_SEEDS) sequences each"
	@log=$$(mktemp); STARFERRY_DDL_SEEDS=$(DDL_SEEDS) $(GO) test -count=1 -timeout 0 -v -run '^TestRandom(Statements|Alters)' ./internal/mysql ./internal/mysql/ddl >$$log 2>&1; \
		code=$$?; [ $$code = 0 ] || cat $$log; grep -h 'statements compared' $$log; rm -f $$log; exit $$code
	@echo "random tables read by SELECT and from the log, $(PARITY_TABLES) for each setting of the log"
	@log=$$(mktemp); STARFERRY_PARITY_TABLES=$(PARITY_TABLES) STARFERRY_PARITY_SEED=$(PARITY_SEED) $(GO) test -count=1 -timeout 0 -v -run '^TestSelectAndLogGiveTheSameCells$$' ./internal/mysql/cells >$$log 2>&1; \
		code=$$?; [ $$code = 0 ] || cat $$log; grep -h 'cells compared' $$log; rm -f $$log; exit $$code

clean: ## Remove what was built (the servers in the user's cache stay).
	rm -rf bin .demo

need-go:
	@command -v $(GO) >/dev/null || { echo "Go is missing: install Go $$(sed -n 's/^go //p' go.mod) or later (https://go.dev/dl/) and put it in PATH, or say make GO=/path/to/go"; exit 2; }
