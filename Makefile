# Every target installs what it needs; a second run takes seconds. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DUCKDB_2 := build/duckdb-2
CHECKED := tests/integration/test_golden.py tests/integration/test_dbt_unit_tests.py tests/unit tests/architecture
STAMP := $(VENV)/.installed

.PHONY: help setup browser demo check docs contracts bank-files reference test test-thorough test-bare test-duckdb-2 test-spark test-wheel lint types sql-lint bench mutants screenshots up clean

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

check: setup ## the loop while you work: lint, types, fast unit tests, dbt unit tests, golden season
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder -m "not slow" $(CHECKED)

reference: setup ## docs/reference/: commands, settings and marts, from the code
	@$(BIN)/python docs/reference.py

docs: setup ## the documentation site, in build/docs; a dead link fails
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python build/docs-env
	@$(BIN)/uv pip sync --quiet --require-hashes --python build/docs-env/bin/python docs/requirements.txt
	@build/docs-env/bin/sphinx-build --quiet --nitpicky --fail-on-warning --keep-going -b dirhtml -c docs . build/docs
	@echo "The site is in build/docs: open build/docs/docs/index/index.html"

# A linter that accepts everything would prove nothing, so a broken contract must be refused, for its own fault.
contracts: setup ## the data contract of the marts, linted by its standard's own tool
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python build/contracts-env
	@$(BIN)/uv pip sync --quiet --require-hashes --python build/contracts-env/bin/python docs/contracts-requirements.txt
	@build/contracts-env/bin/datacontract lint --all-errors docs/contracts/allive-marts.odcs.yaml
	@sed 's/logicalType: integer/logicalType: bigint/' docs/contracts/allive-marts.odcs.yaml >build/broken.odcs.yaml
	@! build/contracts-env/bin/datacontract lint --output build/broken.json --output-format json build/broken.odcs.yaml >build/broken.log 2>&1
	@grep --quiet "'bigint' is not one of" build/broken.json
	@echo "A broken contract is refused."

bank-files: setup ## an order to odd artists, judged by the schema and the rules of another validator
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python build/bank-env
	@$(BIN)/uv pip sync --quiet --require-hashes --python build/bank-env/bin/python .ci/bank-files.txt
	@$(BIN)/python -m tests.bank_rules build/bank-env/bin/python

# Test files run in the order that tests/conftest.py gives them: long ones first.
test: setup browser ## all tests, from unit tests to browser tests (TESTS="tests/browser …": only these)
	@$(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder --durations 20 $(TESTS)

test-thorough: setup browser ## the same with several times as many kills, races, corruptions and random worlds
	@$(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder --durations 20 --thorough

# Run this after every change to the setup. .ci/test-bare lists its settings.
test-bare: ## make demo and make test in a minimal Debian root (SUITE=…, DISTRIBUTION=ubuntu, TESTS="…", BROWSER=npm)
	@DISTRIBUTION="$(DISTRIBUTION)" SUITE="$(SUITE)" MIRROR="$(MIRROR)" TESTS="$(TESTS)" BROWSER="$(BROWSER)" KEEP="$(KEEP)" .ci/test-bare

# DuckDB 2 is installed over the environment, whose lock pins 1.5. -W ignores its advice on the speed of Arrow output.
test-duckdb-2: setup ## the money tests on DuckDB 2: same bytes as on the pinned version
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --target $(DUCKDB_2) --no-deps --require-hashes -r .ci/duckdb-2.txt
	@PYTHONPATH=$(CURDIR)/$(DUCKDB_2) $(BIN)/pytest --numprocesses auto --dist loadfile \
		-W "ignore:Arrow output on a DB-API result:UserWarning" \
		tests/on_duckdb_2.py tests/integration/test_golden.py tests/unit/ingestion/test_contracts.py \
		tests/integration/test_worlds.py::test_one_delivery \
		tests/integration/test_history.py::test_months_that_close_on_the_way_change_nothing_of_it \
		'tests/integration/test_worlds.py::test_months_close_as_the_oracle_closes_them[201]' \
		tests/integration/test_ingestion.py::test_each_expectation_fails_where_it_should

# `make setup` removes the extra again: it is not in the main lock.
test-spark: setup ## both engines on a cluster of two workers, one of them killed: equal rows and bytes (SPARK=--whole-demo)
	@.ci/spark-env "$(VENV)"
	@$(BIN)/python -W error -W ignore::ResourceWarning -m tests.spark $(SPARK)

test-wheel: setup ## the wheel, installed outside the repository on each Python that is on this machine
	@$(BIN)/python -m tests.wheel

lint: setup ## ruff: style and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup ## mypy: strict; in tests and benches, only that what they call exists
	@$(BIN)/mypy

sql-lint: setup ## sqlfluff on the dbt project
	@$(BIN)/sqlfluff lint --processes 0 dbt_project/models dbt_project/tests

mutants: setup ## break each money rule once; a named test must fail (MUTANTS="--part 2/4" …)
	@$(BIN)/python -m tests.mutants $(MUTANTS)

bench: setup browser ## measure speed and memory (BENCH="--only dashboards", "--heartbeats 100_000_000" …)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r bench/requirements.txt
	@$(BIN)/python -m bench $(BENCH)

screenshots: setup browser ## a picture of every page of the dashboards, in build/screenshots
	@$(BIN)/python -m tests.browser.screenshots

up: setup ## the whole service: orchestrator and dashboards
	@$(BIN)/allive up

clean: ## remove the environment and the caches of the tools
	rm -rf $(VENV) $(DUCKDB_2) .pytest_cache .mypy_cache .ruff_cache dbt_project/target tests/browser/node_modules
