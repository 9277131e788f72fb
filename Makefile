# One word a task. Presets (CMakePresets.json) do the work.
SHELL := /bin/bash
PRESET ?= release
JOBS ?= $(shell nproc)
BUILD := build/$(PRESET)
T ?=
CTEST_FLAGS ?=
CTEST := ctest --test-dir $(BUILD) --output-on-failure --no-tests=error

.PHONY: deps build unit test integration e2e run down sim fuzz bench format lint check clean

deps: ## install every Debian package of tools/packages.txt
	@tools/deps

build: deps $(BUILD)/build.ninja
	@cmake --build $(BUILD) -j $(JOBS)

$(BUILD)/build.ninja:
	@cmake --preset $(PRESET) > /dev/null

unit: PRESET := dev
unit: ## tests beside the code; T=folder for one
	@$(MAKE) --no-print-directory build PRESET=dev
	@ctest --test-dir build/dev --output-on-failure --no-tests=error -L unit $(if $(T),-R $(T))

test: build ## everything
	@tools/golden $(BUILD)/bin/coxswain
	@$(CTEST) -j $(JOBS) $(CTEST_FLAGS)

integration: build ## several parts together over real HTTP, and client libraries
	@$(CTEST) -L integration

e2e: build ## whole clusters with real containers, in network namespaces of their own (root)
	@$(CTEST) -L e2e

run: deps $(BUILD)/build.ninja ## a cluster on this machine with a sample application on it
	@cmake --build $(BUILD) -j $(JOBS) --target coxswain
	@tools/run $(BUILD)/bin/coxswain

down: ## stops it; PURGE=1 leaves nothing behind
	@$(BUILD)/bin/coxswain down $(if $(PURGE),--purge)

sim: build ## virtual time and faults: scenarios x seeds, each fault at each write, leases, watches; SEED=n repeats one run
ifdef SEED
	@$(BUILD)/bin/sim_test --seed=$(SEED)
else
	@$(BUILD)/bin/sim_test --seeds=$(or $(SEEDS),2000) --jobs=$(JOBS)
	@$(BUILD)/bin/sim_test --systematic --jobs=$(JOBS)
	@$(BUILD)/bin/leaders_sim_test --seeds=$(or $(SEEDS),50)
	@$(BUILD)/bin/control_plane_sim_test
	@$(BUILD)/bin/watch_model_test --seeds=$(or $(SEEDS),1000)
endif

fuzz: deps ## F=name for one target, SECONDS_EACH=60
	@[ -f build/fuzz/build.ninja ] || cmake --preset fuzz > /dev/null
	@cmake --build build/fuzz -j $(JOBS) --target fuzzers
	@tools/fuzz build/fuzz "$(F)" $(or $(SECONDS_EACH),60)

bench: build ## micro benchmarks, then the control plane with kbench where ../shared has it
	@cmake --build $(BUILD) -j $(JOBS) --target benches
	@for b in $(BUILD)/bin/bench_*; do echo "== $$b"; $$b; done
	@[ ! -d ../shared/bench/kbench ] || bench/control_plane.py --bin $(BUILD)/bin/coxswain
	@bench/memory.py --bin $(BUILD)/bin/coxswain
	@bench/scale.py --bin $(BUILD)/bin/coxswain
	@[ ! -d ../shared/bench ] || bench/node.py --bin $(BUILD)/bin/coxswain

format:
	@git ls-files '*.h' '*.cc' | xargs clang-format-14 -i

lint: ## facts: formatting, headers that compile alone, layering
	@tools/lint

check: ## what must pass before a release: unit and integration tests under both sanitizers
	@for p in asan tsan; do \
	  $(MAKE) --no-print-directory build PRESET=$$p && \
	  ctest --test-dir build/$$p --output-on-failure --no-tests=error -j $(JOBS) -LE e2e -E '^clients/' || exit 1; done

clean:
	@rm -rf build
