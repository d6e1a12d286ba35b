# make run    set everything up and do the main job: published beside predicted, in out/
# make test   set everything up and pass the tests: lint, types, import contracts, pytest
# make env    only prepare .venv, with the command `remission` in it; EXTRAS=evidence adds SQL and Parquet
# make lock   resolve the dependencies of pyproject.toml again (maintainers)
# make clean  remove what these made        PYTHON=/path/to/python chooses the interpreter

MAKEFLAGS += --no-print-directory
BIN := .venv/bin
export PYTHON
# pip, the linter and the tests are told everything here; nothing of the caller's Python leaks in.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help run test env dev lint types contracts pytest lock clean

help:
	@sed -n '1,/^$$/s/^# //p' Makefile

run: env
	@$(BIN)/remission review --out out --seed 1

test: dev lint types contracts pytest

env:
	@EXTRAS="$(EXTRAS)" tools/env base

dev:
	@tools/env dev

lint: dev
	@echo "lint: ruff" >&2
	@$(BIN)/ruff check --quiet .

types: dev
	@echo "types: mypy --strict" >&2
	@$(BIN)/mypy --strict --no-error-summary

contracts: dev
	@echo "contracts: import-linter" >&2
	@out=$$($(BIN)/lint-imports --no-cache --no-logo 2>&1) || { printf '%s\n' "$$out"; exit 1; }

pytest: dev
	@echo "tests: pytest" >&2
	@$(BIN)/pytest -q -n auto --maxprocesses 4 --dist loadfile

lock:
	@tools/lock

clean:
	rm -rf .venv out build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
