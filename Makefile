# Everything runs from .venv, which the first target that needs it makes. `make` alone lists the targets.

PACKAGES := specs workloads arch mappings sim rtl reports
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTHON ?=
JOBS ?= auto
PYTEST_ARGS ?=

# One thread of linear algebra per test process: the processes are the parallelism.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test lint format bench clean

help: ## list the targets
	@echo "einfuse: targets of this Makefile"
	@echo
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'
	@echo
	@echo "  PYTHON=/path/to/python3.12   the interpreter for a new .venv (otherwise the first that is 3.11 or newer)"
	@echo "  JOBS=4                       test processes (otherwise one per CPU, at most 8)"
	@echo "  PYTEST_ARGS='-k passes -x'   more arguments for pytest"

setup: $(STAMP) ## make .venv with the pinned versions and install einfuse into it

demo: $(STAMP) ## run the main job: FuseMax's configurations and its baselines, costed and reported in out/fusemax
	$(BIN)/einfuse report fusemax -o out/fusemax

test: $(STAMP) ## run the whole test suite, doctests included
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(JOBS) --maxprocesses 8 $(PYTEST_ARGS)

lint: $(STAMP) ## check style, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP) ## sort imports, mend what ruff can mend, format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP) ## run every program in benchmarks/ and print what it measured
	@set -e; for program in benchmarks/*.py; do echo "$$program"; $(BIN)/python "$$program"; done

clean: ## remove .venv, out and every cache
	rm -rf $(VENV) out build dist .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# hatchling and editables come first, pinned like the rest, so that the build uses them and fetches nothing else.
$(STAMP): pyproject.toml constraints.txt
	@set -eu; \
	fits='import sys; sys.exit(sys.version_info < (3, 11))'; \
	if ! $(BIN)/python -c "$$fits; import pip" >/dev/null 2>&1; then \
	  found=; bare=; \
	  for candidate in $(or $(PYTHON),python3.13 python3.12 python3.11 python3); do \
	    "$$candidate" -c "$$fits" >/dev/null 2>&1 || continue; \
	    if "$$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1; then found=$$candidate; break; fi; \
	    bare=$${bare:-$$candidate}; \
	  done; \
	  if [ -z "$$found" ] && [ -n "$$bare" ]; then \
	    version=$$("$$bare" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	    echo "make: $$bare is Python $$version but cannot make a virtual environment: ensurepip is missing." >&2; \
	    echo "  Debian, Ubuntu:  sudo apt-get install python$$version-venv" >&2; \
	    echo "  then run make again." >&2; \
	    exit 1; \
	  elif [ -z "$$found" ]; then \
	    echo "make: no Python 3.11 or newer among: $(or $(PYTHON),python3.13 python3.12 python3.11 python3)" >&2; \
	    echo "  Debian 12, Ubuntu 24.04:  sudo apt-get install python3 python3-venv" >&2; \
	    echo "  Fedora, RHEL:             sudo dnf install python3.12" >&2; \
	    echo "  elsewhere:                https://www.python.org/downloads/" >&2; \
	    echo "  or name one:              make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; \
	    exit 1; \
	  fi; \
	  echo "making $(VENV) with $$found ($$("$$found" -V 2>&1))"; \
	  "$$found" -m venv --clear $(VENV); \
	fi
	$(BIN)/python -m pip install --quiet -c constraints.txt hatchling editables
	$(BIN)/python -m pip install --quiet -c constraints.txt --no-build-isolation -e '.[dev,fpga,cluster,search]'
	@touch $@
