# `make dev` and `make test` need make and one of: python3.12, a pyenv with a 3.12, uv.
# Each sets up what is missing first; `make help` lists them all.

SHELL := /bin/sh
PYTHON := .venv/bin/python
# Test files that run at once; each has ports and folders of its own.
WORKERS ?= 2

.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help dev unit test soak bench load budgets search audit sbom lint format types check lock clean set-up-app set-up-test

help:
	@echo 'make dev     set up and serve on http://localhost:9991 (PORT, STATE_DIR, CHAOS=1, ...)'
	@echo 'make unit    set up and run the tests that start no server, in about a minute'
	@echo 'make test    set up and run all tests (ARGS="-k sign_in" passes options to pytest)'
	@echo 'make soak    faults and kills at random, then an audit (SOAK_SECONDS=600, SOAK_SEED=...)'
	@echo 'make bench   measure this server beside others (ROUNDS, SERVERS, CALLS; LONG=1 for the long part)'
	@echo 'make load    200 people at once (USERS, LOAD_SECONDS, SERVERS); MODE=burst: one who is greedy'
	@echo 'make budgets an hour of 500 people in minutes: what it costs of the budgets of GitHub'
	@echo 'make search  how long a search of many gists takes (GISTS, FILE_BYTES, LATENCY_MS)'
	@echo 'make lint    check style (ruff), who imports whom (import-linter) and the Dockerfile (hadolint)'
	@echo 'make format  put right what ruff can'
	@echo 'make types   check types (mypy)'
	@echo 'make check   lint, types and test: what CI runs'
	@echo 'make audit   look for known vulnerabilities of the locked packages (asks an advisory service)'
	@echo 'make sbom    write build/sbom.cdx.json: what an installation has, with digests and licences'
	@echo 'make lock    choose package versions anew and write requirements/*.lock'
	@echo 'make clean   remove .venv, caches and generated code; durable state in .rbt stays'

# `exec`, so that the launcher is the process that make passes its SIGTERM to.
dev: set-up-app
	@exec $(PYTHON) scripts/dev.py

test: set-up-test
	@exec $(PYTHON) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

# Nothing here waits, and more workers than that only import the same again.
unit: set-up-test
	@exec $(PYTHON) -m pytest -m 'not integration' -n 2 --dist worksteal $(ARGS)

soak: set-up-test
	@exec $(PYTHON) scripts/soak.py

# Variables of the command line are in the environment of what make runs; benchmarks/settings.py reads them.
bench: set-up-test
	@exec $(PYTHON) -m benchmarks

# benchmarks/load_run/settings.py has every variable.
load: set-up-test
	@exec $(PYTHON) -m benchmarks.load_run

# benchmarks/search.py has every variable.
search: set-up-test
	@exec $(PYTHON) -m benchmarks.search

# benchmarks/budgets/settings.py has every variable.
budgets: set-up-test
	@exec $(PYTHON) -m benchmarks.budgets

lint: set-up-test
	@$(PYTHON) -m ruff check
	@$(PYTHON) -m ruff format --check
	@env PYTHONPATH=backend/src .venv/bin/lint-imports --no-logo --cache-dir .cache/import-linter
	@.venv/bin/hadolint Dockerfile

format: set-up-test
	@$(PYTHON) -m ruff check --fix-only
	@$(PYTHON) -m ruff format

types: set-up-test
	@$(PYTHON) -m mypy

check: lint types test

set-up-app:
	@exec scripts/set-up app

set-up-test:
	@exec scripts/set-up test

# ARGS=--allow-unreachable where no advisory service can be reached: it says so, and passes.
audit: set-up-app
	@exec $(PYTHON) scripts/audit.py $(ARGS)

sbom: set-up-app
	@exec $(PYTHON) scripts/sbom.py

lock:
	@exec scripts/lock

# Generated code goes by what `.gitignore` says of `api/`.
clean:
	rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis api/google api/rbt
	find api \( -name '*_rbt.py' -o -name '*_pb2*' \) -type f -delete
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
