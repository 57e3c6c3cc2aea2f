# Each target sets up what it needs: a virtual environment in .venv, made anew only when pyproject.toml has changed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HASH := $(firstword $(shell cksum < pyproject.toml))
READY := $(VENV)/.installed-$(HASH)
DOCS_READY := $(VENV)/.installed-docs-$(HASH)
OURS := src tests apps

# Without bytecode every start compiles hundreds of modules anew: seconds each time.
unexport PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.PHONY: help demo test bench lint format docs clean distclean

help: ## Say what there is to make
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

demo: $(READY) ## Show Skydeck with made-up data in a browser (ARGS="--port 5010 --no-browser")
	$(BIN)/skydeck demo $(ARGS)

test: lint ## Run every check and every test
	$(BIN)/python -m pytest --cov=skydeck --cov-report=term:skip-covered $(ARGS)

bench: $(READY) ## Measure time and memory (not part of the tests)
	$(BIN)/python -m pytest -o 'python_files=bench_*.py' -s tests/bench $(ARGS)

lint: $(READY) ## Check style, types and layers
	$(BIN)/ruff check $(wildcard $(OURS))
	$(BIN)/ruff format --check $(wildcard $(OURS))
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(READY) ## Put the code into its format
	$(BIN)/ruff check --fix $(wildcard $(OURS))
	$(BIN)/ruff format $(wildcard $(OURS))

docs: $(DOCS_READY) ## Build the documentation in site/
	$(BIN)/mkdocs build --strict --quiet

clean: ## Remove what was built, but not .venv
	rm -rf build dist site htmlcov .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find $(wildcard $(OURS)) -name __pycache__ -type d -exec rm -rf {} +

distclean: clean ## Remove .venv, too
	rm -rf $(VENV)

# uv installs in seconds; pip takes over where uv can't be had, or doesn't know the mirror that pip is set up for.
define install
	@$(PYTHON) -c 'import sys; sys.exit("Skydeck needs Python 3.11 or later; try: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	{ $(BIN)/python -m pip install --quiet uv && $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --editable '.[$(1)]'; } \
		|| $(BIN)/python -m pip install --quiet --editable '.[$(1)]'
endef

$(READY):
	$(call install,test)
	@rm -f $(VENV)/.installed-*
	@touch $@

$(DOCS_READY): $(READY)
	$(call install,docs)
	@touch $@
