# Every target sets up what it needs; a second run takes seconds. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help setup demo test lint types sql-lint bench mutants up clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) ## create .venv from the lock (hashes checked)

$(STAMP): requirements.lock pyproject.toml
	@.ci/python-env "$(PYTHON)" "$(VENV)"
	@touch $@

demo: setup ## a fictional season through the whole pipeline, ending with the closed months' payout table
	@$(BIN)/allive demo

test: setup ## all tests, from the rules' units to the whole path
	@$(BIN)/pytest --numprocesses auto --dist loadfile

lint: setup ## ruff: style and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup ## mypy, strict
	@$(BIN)/mypy

sql-lint: setup ## sqlfluff on the dbt project
	@$(BIN)/sqlfluff lint dbt_project/models dbt_project/tests

mutants: setup ## break each rule of the money once; a named test must notice
	@$(BIN)/python -m tests.mutants

bench: setup ## speed and memory as ratios side by side (BENCH="--heartbeats 100_000_000" for more)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r bench/requirements.txt
	@$(BIN)/python -m bench $(BENCH)

up: setup ## the whole service: Dagster's web server and daemon
	@$(BIN)/allive up

clean: ## remove the environment and what the tools cached
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache dbt_project/target
