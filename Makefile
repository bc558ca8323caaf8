# Run "make" to see what there is. The tools are pinned in tools/go.mod and
# built by the go command when first used: there is nothing to install.

GO        ?= go
FUZZTIME  ?= 30s
FUZZMODULES ?= . bench
COUNT     ?= 10
SOAK      ?= 100
CONCURRENT ?= Concurrent|Race|While|Snapshot|Flood|Stress|Hasher|Callback|Lanes|RWMutex
TOOL      := $(GO) tool -modfile=$(CURDIR)/tools/go.mod
BENCHFILE ?= bench.out

.DEFAULT_GOAL := help
.PHONY: help test race lint vuln lincheck explore fuzz bench results proof mutants figures mapbench published charts kube-full cells mem soak torture cover docs api tidy cross ci

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: ## run the tests of every module
	@.ci/each $(GO) test -timeout 30m ./...

race: ## run them under the race detector (needs a C compiler), but for the modules with an API server in them
	@.ci/each -light $(GO) test -race -timeout 30m ./...

lint: ## vet, staticcheck and gofmt
	@.ci/each $(GO) vet ./...
	@.ci/each $(TOOL) staticcheck ./...
	@$(GO) vet -tags explore . ./internal/...
	@$(TOOL) staticcheck -tags explore . ./internal/...
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "not formatted:"; echo "$$files"; exit 1; fi

vuln: ## look up known vulnerabilities (needs the vulnerability database, so not part of lint)
	@.ci/each $(TOOL) govulncheck ./...

lincheck: ## check recorded histories for linearizability; the last lines say how many
	cd lincheck && $(GO) test -count 1

explore: ## explore the schedules of small meetings, 1,000,000 of each; CI runs 18,000
	$(GO) test -tags explore -run '^TestExplore' -v -timeout 0 . -explore.systematic 800000 -explore.random 200000 -explore.pairs -explore.seed $$(date +%s)

fuzz: ## run every fuzz test for FUZZTIME=30s
	@for module in $(FUZZMODULES); do \
		for package in $$($(GO) list -C $$module ./...); do \
			tests=$$($(GO) test -C $$module -list '^Fuzz' $$package) || exit 1; \
			for name in $$(echo "$$tests" | grep '^Fuzz'); do \
				$(GO) test -C $$module -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 50x $$package || exit 1; \
			done; \
		done; \
	done

bench: ## run the benchmarks COUNT=10 times into BENCHFILE=bench.out and summarise them
	$(GO) test -run '^$$' -bench . -benchmem -count $(COUNT) . | tee $(BENCHFILE)
	@$(TOOL) benchstat $(BENCHFILE)

results: ## measure for the table and charts of README.md, some ten minutes; wants a quiet machine
	@.ci/results

mutants: ## break the library in some dozen ways, and see that the tests notice each
	@$(GO) run -C tools ./mutants "$(CURDIR)"

proof: ## run the proof rig in the form of CI, for the figures in README.md
	@.ci/proof results/proof.txt
	@$(GO) run -C tools ./figures "$(CURDIR)"

figures: ## bring the figures in README.md up to date with results/
	@$(GO) run -C tools ./figures "$(CURDIR)"

mapbench: ## measure map strategies on two workloads; go run -C bench ./cmd/mapbench help tells more
	@$(GO) run -C bench ./cmd/mapbench

published: ## redo published measurements of maps; some minutes, wants a quiet machine
	@$(GO) run -C bench ./cmd/mapbench published

kube-full: ## test kube against a whole kube-apiserver, which is built first: ten minutes, once
	@assets=$$(kube/kubetest/full/build) && cd kube/kubetest && KUBETEST_ASSETS=$$assets $(GO) test -count 1 -tags kubefull -run Full .

cells: ## compare single operations with every other map, half an hour; wants a quiet machine
	@.ci/cells

charts: ## draw docs/charts anew from bench/results
	@.ci/charts

mem: ## bytes of heap per entry, beside other maps
	@cd bench && $(GO) run ./cmd/mem

soak: ## check SOAK=100 times as many histories, and run the concurrent tests as often under the race detector
	cd lincheck && SHARDMAP_SOAK=$(SOAK) $(GO) test -count 1 -timeout 0 -v .
	$(GO) test -race -count $(SOAK) -timeout 0 -run '$(CONCURRENT)' .

torture: ## run the tests in every way that makes hidden faults show; SHARDMAP_SOAK=n for n times as long
	@.ci/torture

cover: ## test coverage of the package: what is below 100 %, the least covered first
	$(GO) test -coverprofile cover.out .
	@$(GO) tool cover -func cover.out | grep -v '100.0%' | sort -k 3,3n

docs: ## check comments, docs/api.txt, and the programs and links in Markdown files
	@$(GO) run -C tools ./doccheck "$(CURDIR)"

api: ## write docs/api.txt anew, after a change of the API that is meant
	@$(GO) run -C tools ./doccheck -write "$(CURDIR)"

tidy: ## go mod tidy in every module
	@.ci/each $(GO) mod tidy

cross: ## vet the package for other systems
	@for target in linux/386 linux/arm linux/arm64 linux/riscv64 linux/s390x darwin/arm64 freebsd/amd64 windows/amd64 js/wasm; do \
		echo "-- $$target"; \
		CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) vet ./... || exit 1; \
	done

ci: ## everything that a change must pass, in order
	@bash .ci/run
