# Each target sets up all that it needs; a second run installs nothing again.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

LOWEST := .venv-lowest/bin/python
# A process for each core; the tests of a file stay in one, for they share what was trained.
PYTEST := -m pytest --numprocesses auto --dist loadfile

.PHONY: setup setup-dev train demo test test-lowest lint docs wheel data benchmark

setup: .venv/installed-offline
setup-dev: .venv/installed-dev

.venv/installed-%: pyproject.toml encoder/pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) --editable ".[$*]" --editable ./encoder
	touch $@

train: setup
	$(BIN)/accelerate launch --quiet --config_file accelerate_config.yaml training/train.py $(ARGS)

# From manuals alone to a tuned model, judged by the queries that people wrote about them.
demo: setup-dev
	rm -rf build/demo
	$(BIN)/python data/render_manuals.py build/demo/manuals
	$(BIN)/nic-pairs make --manuals build/demo/manuals --output build/demo/pairs.jsonl
	$(BIN)/nic-train --config manuals --data-file build/demo/pairs.jsonl --output-dir build/demo/model $(ARGS)
	$(BIN)/nic-evaluate --model build/demo/model --all --output-dir build/demo/evaluation

test: setup-dev
	OMP_NUM_THREADS=1 $(BIN)/python $(PYTEST) $(ARGS)

# The suite with the lowest release of each dependency.
test-lowest:
	test -x $(LOWEST) || $(PYTHON) -m venv .venv-lowest
	$(LOWEST) -m pip install --quiet --disable-pip-version-check --constraint constraints-lowest.txt \
		--editable ".[dev]" --editable ./encoder
	OMP_NUM_THREADS=1 $(LOWEST) $(PYTEST) $(ARGS)

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/installed-docs
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going docs build/docs

wheel: setup
	$(BIN)/python .ci/wheel_smoke.py

data: setup
	$(BIN)/python data/make_pairs.py

benchmark: setup
	$(BIN)/python benchmarks/training_speed.py
