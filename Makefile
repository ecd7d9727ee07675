# Every target sets up what it needs; a second run takes seconds. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DUCKDB_2 := build/duckdb-2
STAMP := $(VENV)/.installed

.PHONY: help setup browser demo test test-thorough test-bare test-duckdb-2 test-spark lint types sql-lint bench mutants screenshots up clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(STAMP) ## create .venv from the lock (hashes checked)

$(STAMP): requirements.lock pyproject.toml
	@.ci/python-env "$(PYTHON)" "$(VENV)"
	@touch $@

browser: setup
	@.ci/browser-env "$(VENV)"

demo: setup ## a fictional season through the whole pipeline, ending with the closed months' payout table
	@$(BIN)/allive demo

# Files keep the order that tests/conftest.py gives them: the long ones first.
test: setup browser ## all tests, from the rules' units to the pages in a browser (TESTS="tests/browser …": only these)
	@$(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder --durations 15 $(TESTS)

test-thorough: setup browser ## the same with three times as many kills, races, corruptions and random worlds
	@$(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder --durations 15 --thorough

# Before anything is called done that touches set-up. .ci/test-bare lists its settings.
test-bare: ## make demo and make test in a bare root of Debian (SUITE=…, DISTRIBUTION=ubuntu, TESTS="…", BROWSER=npm)
	@DISTRIBUTION="$(DISTRIBUTION)" SUITE="$(SUITE)" MIRROR="$(MIRROR)" TESTS="$(TESTS)" BROWSER="$(BROWSER)" KEEP="$(KEEP)" .ci/test-bare

# DuckDB 2 is laid over the environment, whose lock pins 1.5. Its advice on Arrow output is about speed, hence -W.
test-duckdb-2: setup ## the tests of the money once more on DuckDB 2, to the same bytes as on the pinned version
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --target $(DUCKDB_2) --no-deps --require-hashes -r .ci/duckdb-2.txt
	@PYTHONPATH=$(CURDIR)/$(DUCKDB_2) $(BIN)/pytest --numprocesses auto --dist loadfile \
		-W "ignore:Arrow output on a DB-API result:UserWarning" \
		tests/on_duckdb_2.py tests/integration/test_golden.py tests/unit/ingestion/test_contracts.py \
		tests/integration/test_worlds.py::test_one_delivery \
		tests/integration/test_history.py::test_months_that_close_on_the_way_change_nothing_of_it \
		'tests/integration/test_worlds.py::test_months_close_as_the_oracle_closes_them[201]' \
		tests/integration/test_ingestion.py::test_each_expectation_fails_where_it_should

# `make setup` takes the extra out again: it is not in the main lock.
test-spark: setup ## both engines on a cluster of two workers: equal rows and bytes, through a killed worker
	@.ci/spark-env "$(VENV)"
	@$(BIN)/python -W error -W ignore::ResourceWarning -m tests.spark

lint: setup ## ruff: style and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup ## mypy: strict, and of tests and benches whether they call what is there
	@$(BIN)/mypy

sql-lint: setup ## sqlfluff on the dbt project
	@$(BIN)/sqlfluff lint dbt_project/models dbt_project/tests

mutants: setup ## break each rule of the money once; a named test must notice (MUTANTS="--part 2/4" …)
	@$(BIN)/python -m tests.mutants $(MUTANTS)

bench: setup browser ## speed and memory side by side (BENCH="--only dashboards", "--heartbeats 100_000_000" …)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r bench/requirements.txt
	@$(BIN)/python -m bench $(BENCH)

screenshots: setup browser ## a picture of every page of the dashboards, in build/screenshots
	@$(BIN)/python -m tests.browser.screenshots

up: setup ## the whole service: orchestrator and dashboards
	@$(BIN)/allive up

clean: ## remove the environment and what the tools cached
	rm -rf $(VENV) $(DUCKDB_2) .pytest_cache .mypy_cache .ruff_cache dbt_project/target tests/browser/node_modules
