# make demo   the whole job on the embedded lab: three hosts, a swarm, the shop, the proof
# make test   the tests, on the lab too
# make check  the fast part: lint, types, import rules, unit and case tests
# make healthy  doctor and verify twenty times on healthy hosts, 3 and 5 of them, of both engine versions; a part of it, kept in
#               benchmarks/README.md as well: make healthy HEALTHY="--engines 26.1 --hosts 3 --runs 5"
# make docs   docs/checks.md, docs/stack-files.md and docs/runbooks.md anew, from the code
# make nightly  every test there is: those too that take minutes each and are left out of make test
# make originals ORIGINALS=DIR  what Docker's tool and swarmkit make of a stack, compared for well-known public files too; DIR has
#               their repositories as clones, OWNER/NAME
# make faults the whole fault matrix, 10 seeds of each random fault: hours
# Each installs what it needs first; the second time there is nothing to install.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MARK := $(VENV)/.installed
# Else each of pytest's workers rewrites every test module's assertions anew, for seconds in every run.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check bench faults healthy nightly originals clones docs packages prepared python venv down clean

demo:
	@examples/demo

test: prepared
	$(BIN)/ruff check .
	$(BIN)/mypy
	.ci/beside-sshd $(BIN)/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder --durations=25

nightly: prepared
	.ci/beside-sshd $(BIN)/python -m pytest --nightly -n 2 --dist loadgroup --no-loadscope-reorder --durations=25

originals: clones prepared
	@rm -rf build/originals
	$(BIN)/python tests/parity/originals.py "$(ORIGINALS)" build/originals
	SWARMKIT_PARITY_FOLDER=$(CURDIR)/build/originals .ci/beside-sshd $(BIN)/python -m pytest tests/parity

clones:
	@test -d "$(ORIGINALS)" || { echo "make originals ORIGINALS=DIR: a folder of clones, as OWNER/NAME; tests/parity/public/README.md says how to have one"; exit 1; }

# mypy, seconds of one processor where nothing is cached, goes on beside the tests, and is heard when they have ended.
check: venv
	$(BIN)/ruff check .
	@mkdir -p build
	@$(BIN)/mypy >build/mypy.txt 2>&1 & mypy=$$!; \
		$(BIN)/python -m pytest -q -n 4 -m "not lab and not browser"; tests=$$?; \
		wait $$mypy; types=$$?; cat build/mypy.txt; exit $$((tests | types))  # many tests wait

bench: prepared
	.ci/beside-sshd $(BIN)/python benchmarks/bootstrap/run

healthy: prepared
	.ci/beside-sshd $(BIN)/python benchmarks/healthy/run --state "$${XDG_STATE_HOME:-$$HOME/.local/state}/swarmkit-healthy" \
		--images "$${XDG_CACHE_HOME:-$$HOME/.cache}/swarmkit/images" $(HEALTHY)

faults: prepared
	@mkdir -p build && rm -f build/faults.jsonl
	FAULT_SEEDS=10 FAULT_RECORD=$(CURDIR)/build/faults.jsonl .ci/beside-sshd $(BIN)/python -m pytest --nightly tests/faults; \
		code=$$?; $(BIN)/python tests/faults/table.py build/faults.jsonl; exit $$code

docs: venv
	$(BIN)/python -c 'from swarmkit.report.stack_files import document; print(document(), end="")' >docs/stack-files.md
	$(BIN)/python -c 'from swarmkit.report.doctor import document; print(document(), end="")' >docs/checks.md
	$(BIN)/python -c 'from swarmkit.cli.playbook_files import document; print(document(), end="")' >docs/runbooks.md

packages:
	@.ci/install-packages demo test

prepared: packages
	@PYTHON=$(PYTHON) examples/prepare 26.1 20.10

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12"; exit 1; }

# An editable install leaves its modules uncompiled, and an environment may keep Python from doing it when they are used.
venv: $(MARK)
	@$(BIN)/python -m compileall -q swarmkit

$(MARK): setup.cfg pyproject.toml | python
	@test -x $(BIN)/pip || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); }
	@$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@

down:
	@test ! -x $(BIN)/swarmkit || $(BIN)/swarmkit lab down

clean: down
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
