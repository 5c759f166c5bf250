# Every target works on a fresh clone: it creates the virtual environment it needs.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
SECONDARY_STAMPS := $(VENV)/test.stamp $(VENV)/mlp.stamp $(VENV)/bench.stamp $(VENV)/docs.stamp

.PHONY: help figures figures-fast test test-all lint check check-fast derive docs docs-browser bench install-drill clean
.SECONDARY: $(SECONDARY_STAMPS)

help:
	@echo "figures  figures-fast  test  test-all  lint  check  check-fast  derive  docs  docs-browser  bench  install-drill  clean"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/%.stamp: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[$*]"
	touch $@

figures: $(VENV)/mlp.stamp
	$(BIN)/gmm-flatness figures

figures-fast: $(VENV)/mlp.stamp
	$(BIN)/gmm-flatness figures --fast

test: $(VENV)/test.stamp
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: $(VENV)/test.stamp
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/mypy

check: $(VENV)/mlp.stamp
	$(BIN)/gmm-flatness check

check-fast: $(VENV)/mlp.stamp
	$(BIN)/gmm-flatness check --fast

derive: $(VENV)/mlp.stamp
	$(BIN)/gmm-flatness derive

docs: $(VENV)/docs.stamp
	$(BIN)/python docs/build.py

docs-browser: $(VENV)/docs.stamp
	$(BIN)/python docs/browser.py

bench: $(VENV)/bench.stamp
	$(BIN)/python -m benchmarks

install-drill:
	PYTHON=$(PYTHON) tests/install_drill.sh

clean:
	rm -rf $(VENV) build dist *.egg-info figures/output .pytest_cache .mypy_cache .ruff_cache
