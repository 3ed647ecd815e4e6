# Two commands on a fresh machine: `make run` opens the studio, `make test` runs every test.
# They wrap what "Installing" of docs/operations.md says in plain pip.

PYTHON ?= python3
VENV ?= .venv
# Tests run side by side in this many processes; each takes a core and up to 1.5 GB.
TESTERS ?= 2
BIN := $(VENV)/bin
# Finds the build of PyTorch for this machine, says what it downloads, shows how far it is. `TORCH_WHEELS=` (empty): as pip does.
INSTALL := $(BIN)/python deploy/install.py --no-compile --constraint constraints.txt
# On all cores: pip compiles 24,000 files on one. Some of them are templates and not Python, which pip does not tell either.
COMPILE := $(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true

# What one process has compiled is kept for the next; some images forbid it, and a studio then compiles for half a second.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-vllm check lint types layers format clean

run: $(VENV)/.studio
	@$(BIN)/tunesmith serve $(ARGS)

test: $(VENV)/.tests
	$(BIN)/python -m tests.browser.chromium --install
	$(BIN)/python -m pytest -m "not gpu and not vllm" -n $(TESTERS) --dist worksteal --cov --cov-report= $(ARGS)

# The real vLLM behind a real studio; some fifteen minutes on two cores. It needs a runtime: tests/vllm/runtime.py.
test-vllm: $(VENV)/.tests
	$(BIN)/python -m tests.vllm.runtime
	$(BIN)/python -m pytest -m vllm tests/vllm $(ARGS)

# `make -j2 check` looks at the types beside everything else.
check: lint types layers

lint: $(VENV)/.tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m tests.ceilings
	$(BIN)/python -m tests.javascript.check

types: $(VENV)/.tests
	$(BIN)/mypy

layers: $(VENV)/.tests
	$(BIN)/lint-imports

format: $(VENV)/.tests
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) tests/javascript/node_modules build *.egg-info .mypy_cache .ruff_cache .pytest_cache

$(VENV)/.python:
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Tunesmith needs Python 3.11 or newer')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	@touch $@

$(VENV)/.studio: $(VENV)/.python pyproject.toml constraints.txt
	@$(INSTALL) --editable ".[starter]"
	@$(COMPILE)
	@touch $@

# It has all that the studio takes: what needs it is looked up and installed once.
$(VENV)/.tests: $(VENV)/.python pyproject.toml constraints.txt
	@$(INSTALL) --editable ".[starter,test]"
	@$(COMPILE)
	@touch $(VENV)/.studio $@
