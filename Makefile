# make demo   the whole job on the embedded lab: three hosts, a swarm, the shop, the proof
# make test   every test, on the lab too
# make check  the fast part: lint, types, import rules, unit and case tests
# make docs   docs/checks.md anew, from the checks
# Each installs what it needs first; the second time there is nothing to install.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MARK := $(VENV)/.installed

.PHONY: demo test check bench docs packages venv down clean

demo:
	@examples/demo

test: packages venv
	@examples/shop/build-images
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

check: venv
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -m "not lab"

bench: packages venv
	@examples/shop/build-images
	$(BIN)/python benchmarks/bootstrap/run

docs: venv
	$(BIN)/python -c 'from swarmkit.report.doctor import document; print(document(), end="")' >docs/checks.md

packages:
	@.ci/install-packages demo test

venv: $(MARK)

$(MARK): setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/pip || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); }
	@$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@

down:
	@test ! -x $(BIN)/swarmkit || $(BIN)/swarmkit lab down

clean: down
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
