# GridBoard. `make` alone says what there is. Everything Python is installed into .venv, nothing else is touched.
# From the environment: PORT (8501), HOST (127.0.0.1), GRIDBOARD_HOME (the data folder), MONGODB_URI, PYTHON.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c .ci/constraints.txt
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
STYLE := $(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-cache
NEEDS := pyproject.toml .ci/constraints.txt

# What Python compiled is kept, whatever the environment says: every worker would compile all tests anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run demo test drill lint bench soak translations clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

run: $(VENV)/.run ## Start GridBoard; a brand-new database gets the D community demo
	@.ci/need database
	@exec $(BIN)/gridboard run --demo-if-new

demo: $(VENV)/.run ## Start GridBoard on a demo database of its own, in .gridboard/ beside this file
	@.ci/need database
	@GRIDBOARD_HOME="$${GRIDBOARD_HOME:-$(CURDIR)/.gridboard}" exec $(BIN)/gridboard run --demo

test: $(VENV)/.test ## Lint, then the tests (installs Chromium and a CJK font as root on Debian)
	@.ci/need database
	@.ci/need browser
	@.ci/need proxy
	@echo "style, types, rules, then the tests; known holes and secrets beside them, told at the end"
	@$(BIN)/python .ci/audit >$(VENV)/audit 2>&1 & audit=$$!; \
	$(BIN)/python -m pytest --collect-only -m "not drill" >/dev/null 2>&1 & \
	{ $(STYLE); } && $(BIN)/python -m pytest -n 3 --dist loadscope -m "not drill"; tests=$$?; \
	wait $$audit; audit=$$?; cat $(VENV)/audit; \
	test $$audit = 0 || echo "make test: .ci/audit has failed, see above" >&2; \
	exit $$((tests ? tests : audit))

drill: $(VENV)/.test ## The rest of the tests: servers are killed, disks fill up, hostile input meets every page, rules meet more cases
	@.ci/need database
	@.ci/need browser
	@.ci/need proxy
	$(BIN)/python -m pytest -n 3 --dist loadscope -m drill

lint: $(VENV)/.test ## Style, types, the dependency rules, known holes, secrets now and in the history
	@echo "style, types, rules; known holes and secrets beside them"
	@$(BIN)/python .ci/audit & audit=$$!; \
	$(STYLE); style=$$?; \
	wait $$audit && exit $$style

bench: $(VENV)/.test ## Measure the pages at 10,000 and 1,000,000 work orders
	@.ci/need database
	$(BIN)/python -m tests.benchmarks

soak: $(VENV)/.test ## Run the reliability catalogue in full (about two hours)
	@.ci/need database
	$(BIN)/python -m tests.reliability

translations: $(VENV)/.run ## Put new texts into the catalogue and list what is not translated yet
	$(BIN)/python -m dashboard.i18n update

clean: ## Remove .venv, builds and caches; data folders stay
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .hypothesis .import_linter_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "GridBoard needs Python 3.11 or newer; make run PYTHON=/path/to/python3.11" >&2; exit 1; }
	@.ci/need venv $(PYTHON)
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(NEEDS) | $(BIN)/python
	$(PIP) -e .
	@touch $@

$(VENV)/.test: $(NEEDS) | $(BIN)/python
	$(PIP) -e ".[test]"
	@touch $@ $(VENV)/.run
