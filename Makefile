# One command each; everything needed is set up from nothing and marked as done, so that the second call is quick.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
UV := $(VENV)/bin/uv
APT := DEBIAN_FRONTEND=noninteractive apt-get
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
.PHONY: help setup run test check bench nightly lock format clean
.DEFAULT_GOAL := help

help:
	@echo "make run      the desk on http://localhost:8000 with the simulator on http://localhost:8001"
	@echo "make test     all tests, browser tests included"
	@echo "make check    lint, types, import contracts, templates, migrations, API description"
	@echo "make bench    benchmarks, one JSON line each"
	@echo "make nightly  the long tests"
	@echo "make lock     renew the locks in requirements/"

# A bare Debian has no venv module: as root its package is fetched first.
$(UV):
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { rm -rf $(VENV); \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -q && $(APT) install -qy python3-venv; \
	  else echo "Python's venv module is missing: install python3-venv"; exit 1; fi; $(PYTHON) -m venv $(VENV); }
	@$(PY) -m pip install -q --disable-pip-version-check uv==0.13.8
$(VENV)/.base: requirements/base.txt | $(UV)
	@$(UV) pip install -q --require-hashes -r $< && touch $@
$(VENV)/.dev: requirements/dev.txt | $(UV)
	@$(UV) pip install -q --require-hashes -r $< && touch $@ $(VENV)/.base
$(VENV)/.chromium: | $(VENV)/.dev
	@if command -v chromium >/dev/null 2>&1; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  apt-get update -q && $(APT) install -qy --no-install-recommends chromium fonts-dejavu-core; \
	else $(VENV)/bin/playwright install chromium; fi
	@touch $@

setup: $(VENV)/.base

run: setup
	@$(PY) -m config.local

# A file of tests to one of the workers; in the order of collection, which puts the browser's files last. Tests wait for
# browsers and streams for much of their time: on two cores three workers need 16 minutes where two need 20. What Python
# and pytest have compiled is kept whatever the environment says: each worker would compile seven hundred files anew.
TEST_WORKERS ?= 3
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/.dev $(VENV)/.chromium
	@$(PY) tests/second_look.py -q -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder

nightly: $(VENV)/.dev $(VENV)/.chromium
	@$(PY) -m pytest -q -m nightly

check: $(VENV)/.dev
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy config brokers portfolio trading market bench
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/djlint templates --quiet --lint
	@DJANGO_SETTINGS_MODULE=tests.settings $(PY) manage.py makemigrations --check --dry-run
	@DJANGO_SETTINGS_MODULE=tests.settings $(PY) manage.py check --fail-level WARNING
	@DJANGO_SETTINGS_MODULE=tests.settings $(PY) manage.py spectacular --validate --fail-on-warn > /dev/null

bench: $(VENV)/.dev
	@DJANGO_SETTINGS_MODULE=tests.settings $(PY) -m bench

format: $(VENV)/.dev
	@$(VENV)/bin/ruff check --fix . && $(VENV)/bin/ruff format .

COMPILE = $(UV) pip compile -q pyproject.toml --extra postgres --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-annotate --custom-compile-command "make lock"
lock: $(UV)
	@$(COMPILE) -o requirements/base.txt
	@$(COMPILE) --group dev -c requirements/base.txt -o requirements/dev.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
