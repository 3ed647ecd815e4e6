# Two commands on a fresh machine: `make run` opens the studio, `make test` runs every test.
# They wrap what "Installing" of docs/operations.md says in plain pip.

PYTHON ?= python3
VENV ?= .venv
# Tests run side by side in this many processes; each takes a core and up to 1.5 GB.
TESTERS ?= 2
BIN := $(VENV)/bin
# Finds the build of PyTorch for this machine, says what it downloads, shows how far it is. `TORCH_WHEELS=` (empty): as pip does.
INSTALL := $(BIN)/python deploy/install.py --constraint constraints.txt

.PHONY: run test test-vllm check format clean

run: $(VENV)/.studio
	@$(BIN)/tunesmith serve $(ARGS)

test: $(VENV)/.tests
	$(BIN)/python -m tests.browser.chromium --install
	$(BIN)/python -m pytest -m "not gpu and not vllm" -n $(TESTERS) --dist worksteal --cov --cov-report=term $(ARGS)

# The real vLLM behind a real studio; some fifteen minutes on two cores. It needs a runtime: tests/vllm/runtime.py.
test-vllm: $(VENV)/.tests
	$(BIN)/python -m tests.vllm.runtime
	$(BIN)/python -m pytest -m vllm tests/vllm $(ARGS)

check: $(VENV)/.tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.ceilings
	$(BIN)/python -m tests.javascript.check

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
	@touch $@

$(VENV)/.tests: $(VENV)/.studio
	@$(INSTALL) --editable ".[starter,test]"
	@touch $@
