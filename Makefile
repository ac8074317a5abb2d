# make demo: set up, then simulate -> tune -> train -> evaluate -> report (runs/demo/report.html)
# make test: set up, then every test
# make soak: set up, then the tests that take too long for every day
# make docs: set up, then docs/ as a site: build/handbook/html/index.html
# make audit: set up, then ask the advisory database about what the lock pins
# make mutants: set up, then see whether the tests notice small errors (docs/testing.md; an hour)
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: setup demo test soak docs audit mutants lint format lock fuzz fuzz-env bench-env bench-hpo-env

setup: $(READY) $(BIN)/mlpf

# As an installed package has it: the programs of this folder, from any other one.
$(BIN)/mlpf: $(READY)
	@printf '#!/bin/sh\nPYTHONPATH="%s$${PYTHONPATH:+:$$PYTHONPATH}" exec "%s" -m launch "$$@"\n' \
	  '$(CURDIR)' '$(CURDIR)/$(BIN)/python' > $@ && chmod +x $@

# A half-made environment has no .ready file and is made anew.
$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mlpf-jax needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@touch $(READY)

demo: setup
	@$(BIN)/python -m launch.demo --config=configs/demo.py --run=runs/demo

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

soak: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile -m soak

docs: setup
	@$(BIN)/python -m handbook

mutants: setup
	$(BIN)/python -m tests.mutants --markdown docs/testing.md

audit: setup
	$(BIN)/python -m tests.security.audit

# Readers put to damaged files, a minute each, guided by coverage where atheris has a wheel.
fuzz: fuzz-env
	PYTHONPATH=.fuzz $(BIN)/python -m tests.fuzz

fuzz-env: .fuzz/.ready

.fuzz/.ready: $(READY)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --target .fuzz 'atheris>=3,<4'
	@touch $@

lint: setup
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

# Renew the pinned versions: one host-free, hashed file for every supported Python.
lock: setup
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate --upgrade -o requirements.lock

# The peer of benchmarks.models, in an environment of its own: it needs torch, the project does not.
# pip, not uv: the wheel of particleflow asks for much that its layers do not use.
bench-env: .bench-venv/.ready

.bench-venv/.ready: benchmarks/requirements/torch.txt benchmarks/requirements/peer.txt
	$(PYTHON) -m venv --clear .bench-venv
	.bench-venv/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements/torch.txt
	.bench-venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r benchmarks/requirements/peer.txt
	@touch $@

# The peers of benchmarks.hpo. Syne Tune asks for much that its schedulers do not use; the last version
# with PASHA, DyHPO and MOBSTER lies in a folder beside, for two cannot be installed in one place.
bench-hpo-env: .bench-hpo-venv/.ready

BENCH_HPO := benchmarks/requirements/hpo.txt benchmarks/requirements/syne-tune.txt benchmarks/requirements/syne-tune-older.txt

.bench-hpo-venv/.ready: $(BENCH_HPO)
	$(PYTHON) -m venv --clear .bench-hpo-venv
	.bench-hpo-venv/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements/hpo.txt
	.bench-hpo-venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r benchmarks/requirements/syne-tune.txt
	.bench-hpo-venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --target .bench-hpo-venv/syne-tune-0.13 -r benchmarks/requirements/syne-tune-older.txt
	@touch $@
