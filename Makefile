# Everything a person does here is a target; `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash

GO      ?= go
BINARY  := ugc
ENGINE  := deploy/embedded/clickhouse
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -X main.version=$(VERSION)
TOOL    := $(GO) tool -modfile=tools/go.mod
FUZZTIME ?= 30s
JOBS    ?= 2
MINIMIZE ?= 2s

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z][a-zA-Z0-9_-]*:.* ## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(ENGINE)/node_modules/.installed ## install what running needs: the ClickHouse engine, from its npm package

$(ENGINE)/node_modules/.installed: $(ENGINE)/package-lock.json
	npm ci --prefix $(ENGINE) --no-audit --no-fund
	@touch $@

.PHONY: build
build: ## build ./ugc
	$(GO) build -ldflags '$(LDFLAGS)' -o $(BINARY) .

.PHONY: run
run: setup build ## set up and start everything on loopback, data under ./data
	@exec ./$(BINARY) run

.PHONY: test
test: setup ## all tests that need no server
	UGC_REQUIRE_ENGINE=1 $(GO) test -timeout 15m ./...

.PHONY: real
real: ## install the servers of make test-real under the user's cache folder: Kafka, a schema registry, a MongoDB-compatible engine
	deploy/real/kafka.sh install
	deploy/real/registry.sh install
	deploy/real/mongo.sh install

# Packages one after the other: each starts servers of its own, and they need the machine.
.PHONY: test-real
test-real: setup real ## the suites over servers that others wrote, which are started, used and stopped
	UGC_TEST_REAL=required UGC_REQUIRE_ENGINE=1 $(GO) test -p 1 -timeout 20m -run 'Real|Mongo' -skip TestRealRatings ./...

.PHONY: test-race
test-race: setup ## the same under the race detector: PACKAGES='./streams ./domain' for some
	CGO_ENABLED=1 UGC_REQUIRE_ENGINE=1 $(GO) test -race -timeout 30m $(or $(PACKAGES),./...)

# The whole fault matrix, as docs/FAULTS.md lists it. One package after the other: each has the machine for itself.
FAULT_TESTS    = $(shell grep -o '`Test[A-Za-z0-9]*`' docs/FAULTS.md | tr -d '`' | sort -u | paste -sd '|')
FAULT_PACKAGES = $(shell grep -oE '`[a-z0-9/]+` `Test' docs/FAULTS.md | cut -d '`' -f 2 | sort -u | sed 's|^|./|')
RUN            = $(FAULT_TESTS)

.PHONY: test-faults
test-faults: setup ## the whole fault matrix; SEED=n repeats a run, RUN=TestName one of its tests
	@seed=$(SEED); seed=$${seed:-$$RANDOM$$RANDOM}; echo "seed $$seed: repeat it with make test-faults SEED=$$seed"; \
	UGC_TEST_SEED=$$seed UGC_TEST_FAULTS=whole UGC_REQUIRE_ENGINE=1 $(GO) test -count=1 -p 1 -timeout 60m -run '^($(RUN))$$' $(FAULT_PACKAGES)

.PHONY: fault-matrix
fault-matrix: ## write docs/FAULTS.md again, after a change in deploy/faults or to its tests
	$(GO) test ./deploy/faults -run TestThePageIsTheMatrix -update

.PHONY: lint
lint: format-check vet golangci vuln ## gofmt, go vet, staticcheck and friends, known vulnerabilities

.PHONY: format
format: ## rewrite all Go files in gofmt's form
	gofmt -s -w $$(git ls-files '*.go')

.PHONY: format-check
format-check: ## fail where a Go file is not in gofmt's form
	@bad=$$(gofmt -s -l $$(git ls-files '*.go')); if [ -n "$$bad" ]; then echo "not in gofmt's form, run make format:"; echo "$$bad"; exit 1; fi

.PHONY: vet
vet: ## go vet
	$(GO) vet ./...

.PHONY: golangci
golangci: ## staticcheck and golangci-lint's sensible set, at the pinned version
	$(TOOL) golangci-lint run ./...

.PHONY: vuln
vuln: ## known vulnerabilities in what we call; needs GOVULNDB, the address of a vulnerability database
	@if [ -n "$(GOVULNDB)" ]; then $(TOOL) govulncheck -db "$(GOVULNDB)" ./...; \
	else echo "govulncheck: not run, because no vulnerability database was named; set GOVULNDB"; fi

.PHONY: bench
bench: setup ## measure against peers, in one run: BENCH=name,name for some, TIMES=n, BENCHFLAGS for more
	$(GO) run ./deploy/bench -run '$(BENCH)' -times $(or $(TIMES),5) $(BENCHFLAGS)

# The contests that need a broker, over a real one, and decide over the embedded one beside it; those that need another server start it themselves.
OVER_KAFKA := decide,http-single-64,http-single-256,http-batch-100

.PHONY: bench-real
bench-real: setup real ## the same beside and over servers that others wrote, which are installed without docker
	deploy/real/kafka.sh with 1 $(GO) run ./deploy/bench -run '$(or $(BENCH),$(OVER_KAFKA))' -times $(or $(TIMES),5) $(BENCHFLAGS)
	$(if $(BENCH),,$(GO) run ./deploy/bench -run decide -times $(or $(TIMES),5) $(BENCHFLAGS))
	$(if $(BENCH),,$(GO) run ./deploy/bench -real -times $(or $(TIMES),5) $(BENCHFLAGS))

.PHONY: mutation
mutation: setup ## take each cure of exactness out and see a test catch it: make mutation M=name for one, JOBS=2 at once
	$(GO) run ./deploy/mutation -m '$(M)' -jobs $(JOBS)

.PHONY: mutation-table
mutation-table: setup ## the same for all of them, and write docs/MUTATIONS.md anew
	$(GO) run ./deploy/mutation -write -jobs $(JOBS)

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (30s); what it finds goes below testdata/fuzz, to be committed
	@set -e; for f in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do \
	  for t in $$(grep -oE '^func Fuzz[A-Za-z0-9]+' $$f | cut -c6-); do \
	    echo "== $$t"; $(GO) test -run '^$$' -fuzz "^$$t$$" -fuzztime $(FUZZTIME) -fuzzminimizetime $(MINIMIZE) ./$$(dirname $$f); done; done

.PHONY: golden
golden: ## write the golden bytes of the newest schemas again, after a change that is meant
	$(GO) test ./schemas -run TestGolden -update

.PHONY: release-schemas
release-schemas: ## keep today's schemas as a released version: make release-schemas V=v2
	@test -n "$(V)" || { echo "name the version: make release-schemas V=v2"; exit 1; }
	$(GO) test ./schemas -run TestRelease -release $(V)

# The production-like stack, by docker compose: `s=SERVICE` narrows a target to some services, ENVIRONMENT=development builds from the
# mounted sources. The targets are those that people know from movies_ugc.
ENVIRONMENT ?= $(or $(shell sed -n 's/^ENVIRONMENT=//p' .env.local 2>/dev/null),production)
COMPOSE      = docker compose --env-file .env.local -f deploy/compose/compose.yaml $(if $(filter development,$(ENVIRONMENT)),-f deploy/compose/compose.dev.yaml)
s           ?=

.PHONY: env
env: .env .env.local ## make .env (settings of ./ugc) and .env.local (ports and passwords of the compose stack)

.env:
	umask 077; cp .env.example $@

.PHONY: FORCE
FORCE:

# What is in the file stays; variables that the template has and the file has not are added.
.env.local: deploy/compose/env.example FORCE
	@umask 077; touch $@; \
	while IFS= read -r line; do \
	  name=$${line%%=*}; case "$$line" in ""|\#*) [ -s $@ ] || echo "$$line"; continue;; esac; \
	  if grep -q "^$$name=" $@; then key=$$(sed -n "s/^$$name=//p" $@ | tail -n 1); continue; fi; case "$$line" in \
	  *_KEY=) key=$$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n'); echo "$$line$$key";; \
	  *_KEY_SHA256=) echo "$$line$$(printf %s "$$key" | sha256sum | cut -d' ' -f1)";; \
	  *_PASSWORD=|*_SECRET=) echo "$$line$$(od -An -N18 -tx1 /dev/urandom | tr -d ' \n')";; \
	  *) echo "$$line";; esac; done < $< > $@.new && cat $@.new >> $@ && \
	if [ -s $@.new ]; then echo "$@: added $$(grep -c = $@.new) variables, passwords of its own among them"; fi; rm -f $@.new

.PHONY: up
up: .env.local ## bring up the production-like stack: docker compose, all profiles
	$(COMPOSE) --profile default up -d --build $(s)

.PHONY: run-olap run-oltp run-nosql run-api
run-olap: PROFILE = olap
run-olap: .env.local ## of the stack, ClickHouse alone
run-oltp: PROFILE = oltp
run-oltp: .env.local ## of the stack, Kafka, the registry and their UI alone
run-nosql: PROFILE = nosql
run-nosql: .env.local ## of the stack, MongoDB alone
run-api: PROFILE = api
run-api: .env.local ## of the stack, the program with Kafka, the registry and MongoDB
run-olap run-oltp run-nosql run-api:
	$(COMPOSE) --profile $(PROFILE) up -d --build $(s)

.PHONY: logs
logs: .env.local ## follow the stack's logs (s=SERVICE)
	$(COMPOSE) --profile default logs -f --tail 200 $(s)

.PHONY: bash
bash: .env.local ## a shell in a service of the stack (s=SERVICE, default edge)
	$(COMPOSE) --profile default exec $(or $(s),edge) sh

.PHONY: stop
stop: .env.local ## stop the stack's containers and keep them (s=SERVICE)
	$(COMPOSE) --profile default stop $(s)

.PHONY: down
down: .env.local ## remove the stack's containers; the data stay
	$(COMPOSE) --profile default down

.PHONY: remove
remove: .env.local ## remove the stack with all its data
	$(COMPOSE) --profile default down --volumes --remove-orphans

.PHONY: config
config: .env.local ## print the stack as docker compose sees it, passwords among it
	$(COMPOSE) --profile default config

.PHONY: prebuild
prebuild: .env.local ## fetch the stack's images and build ours
	$(COMPOSE) --profile default pull --ignore-buildable
	$(COMPOSE) --profile default build

.PHONY: test-local
test-local: test ## the same as test, as movies_ugc calls it

.PHONY: test-deploy
test-deploy: setup ## what deploys the program, against the parsers of those who read it and against the program
	cd deploy/validate && $(GO) test -count=1 -timeout 15m ./... # it reads files that the cache does not know of

.PHONY: ci
ci: ## what CI runs
	bash .ci/run

.PHONY: clean
clean: ## remove what was built; the data stay
	rm -rf $(BINARY) $(ENGINE)/node_modules
