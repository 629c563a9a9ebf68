# Commands a person types. Each sets up what it needs first, so `make demo` works in a fresh clone.

PYTHON ?= python3
BIN := .venv/bin
SETUP := $(PYTHON) tools/setup.py
# A PYTHON named by the caller must be the one in .venv; the default takes .venv as it is.
SETUP_OPTIONS := $(if $(filter-out file,$(origin PYTHON)),--this-python)
# Extra words for pytest, for example: make test ARGS="-k passback -x"
ARGS ?=

.PHONY: help setup demo test test-slow test-bare check bench requirements clean
.PHONY: check-format check-lint check-types check-imports check-lane-board check-tree

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' $(MAKEFILE_LIST) | while IFS='	' read -r name text; do \
		printf '  make %-13s %s\n' "$$name" "$$text"; done

setup:  ## the environment in .venv, tests and checks included
	@$(SETUP) dev $(SETUP_OPTIONS)

demo:  ## a whole ski day on simulated hardware, then its pages on localhost
	@$(SETUP) demo $(SETUP_OPTIONS)
	@$(BIN)/pistegate-sim demo

test:  ## every test but the slow ones, against a real Mosquitto and a real PostgreSQL
	@$(SETUP) dev $(SETUP_OPTIONS)
	@$(BIN)/python tools/system_packages.py
	@$(BIN)/python tools/run_tests.py $(ARGS)

test-slow:  ## the long proofs: fifty kills, a month alone, every power cut (most of an hour; some need root)
	@$(SETUP) dev $(SETUP_OPTIONS)
	@$(BIN)/python tools/system_packages.py
	@$(BIN)/python -m pytest -m slow --ignore tests/build/test_bare_machine.py tests $(ARGS)

test-bare:  ## the demo in a minimal Debian root, as an ordinary user (minutes; needs root)
	@$(SETUP) dev $(SETUP_OPTIONS)
	@$(BIN)/python tools/system_packages.py debootstrap
	@$(BIN)/python -m pytest -m slow tests/build/test_bare_machine.py $(ARGS)

check:  ## format, lint, types, import rules, stray addresses
	@$(SETUP) dev $(SETUP_OPTIONS)
	@$(MAKE) --no-print-directory --keep-going \
		check-format check-lint check-types check-imports check-lane-board check-tree

bench:  ## benchmarks, as ratios measured in the same run; writes bench.json
	@$(SETUP) dev $(SETUP_OPTIONS)
	@$(BIN)/python tools/system_packages.py
	@$(BIN)/python tests/benchmarks/run.py

requirements:  ## compile requirements/*.in again (UPGRADE=1: to the newest versions)
	@$(SETUP) demo $(SETUP_OPTIONS)
	@$(BIN)/python tools/requirements.py $(if $(UPGRADE),--upgrade)

clean:  ## remove .venv and what the tools cached
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

check-format:
	@$(BIN)/ruff format --check --quiet . || { echo "format: run $(BIN)/ruff format ."; exit 1; }

check-lint:
	@$(BIN)/ruff check --quiet .

check-types:
	@$(BIN)/mypy

check-imports:
	@$(BIN)/lint-imports --no-logo

# MicroPython code is typed by basedpyright (mypy stumbles over the stubs). The stubs of a board's own modules lie
# apart from site-packages, where their time.pyi and others would mislead mypy.
BOARD_TYPES := .venv/board-typings
$(BOARD_TYPES): requirements/board-types.txt
	@rm -rf $@
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes --target $@ -r $<
	@touch $@

check-lane-board: $(BOARD_TYPES)
	@$(BIN)/basedpyright --project edge/lane_board

check-tree:
	@$(BIN)/python tools/check_tree.py
