# The commands of this project; `make help` lists them. Each may run first, again, and in any order.
# The work is in scripts/, so that every step can also be run, and read, alone.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := build
.PHONY: build demo test asan check format fuzz bench soak tsan setup clean help

build: ## build the program; leaves a link ./kvasir
	@scripts/setup.sh build
	@scripts/build.sh release kvasir

demo: build ## build, then show agents that survive the end of their process
	@./kvasir demo

test: ## build and run every test but the long ones
	@scripts/setup.sh test
	@scripts/test.sh

asan: ## the tests of our own code under AddressSanitizer and UBSan
	@scripts/setup.sh build
	@scripts/test.sh asan

check: ## what a change must pass: format, lint, shellcheck, include rules, both compilers, tests
	@scripts/setup.sh check
	@scripts/check.sh

format: ## format our C++ files
	@scripts/setup.sh check
	@scripts/format.sh write

fuzz: ## fuzz every parser of foreign bytes, a minute each; KVASIR_FUZZ_SECONDS for longer
	@scripts/setup.sh fuzz
	@scripts/fuzz.sh $(KVASIR_FUZZ_SECONDS)

bench: build ## measure; writes bench-out/
	@scripts/bench.sh

soak: ## the long tests
	@scripts/setup.sh test
	@scripts/test.sh soak

tsan: ## the tests of our own code under ThreadSanitizer
	@scripts/setup.sh test
	@scripts/test.sh tsan

setup: ## install what build and tests need (called by the others)
	@scripts/setup.sh test

clean: ## remove what was built here; the engine's cache (~/.cache/kvasir) stays
	rm -rf build bench-out kvasir

help:
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16
