# The one door for people and for CI. GNU make and Python 3.11 or newer with venv; all else is installed below .venv.
# On Debian:  apt install make python3 python3-venv

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
MODULES = $(subst /,.,$(patsubst %.py,%,$(patsubst %/__init__.py,%,$(wildcard pyconquest_rt/*.py pyconquest_rt/*/__init__.py))))
BENCHMARKS ?= $(shell grep -l __main__ benchmarks/*.py)

# Tests that take chance as their input, for hours in place of seconds.
LONG_FORMS := PYCONQUEST_RT_KILLS=500 PYCONQUEST_RT_ASSOCIATIONS=5000 PYCONQUEST_RT_CHANGED_REPORTS=5000 PYCONQUEST_RT_ALL_PHANTOMS=1

.PHONY: help run test test-all check bench docs clean dcmtk peers

help:
	@echo "make run    install, then a listener on 127.0.0.1:5678 with a synthetic patient in ./data"
	@echo "make test   install, check, and run all tests"
	@echo "make test-all  the same with coverage and the long forms of tests that take chance as their input"
	@echo "make check  lint, format, types and the direction of imports"
	@echo "make bench  run the benchmarks; the figures go to benchmarks/results"
	@echo "make peers  install foreign DICOM programs that more tests run against (Debian; as an administrator)"
	@echo "make docs   write the reference of the Python interface to ./site, the documentation to ./site/docs"
	@echo "make clean  remove what the other targets made, but never ./data"

run: $(VENV)/installed
	$(BIN)/pyconquest-rt demo

test: check dcmtk
	$(BIN)/python -m pytest -n $(JOBS)

test-all: check dcmtk
	$(LONG_FORMS) $(BIN)/python -m pytest -n $(JOBS) --cov --cov-report=term:skip-covered

check: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32 pyconquest_rt
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -p no:cacheprovider tests/test_shape.py

bench: $(VENV)/installed-test
	@mkdir -p benchmarks/results
	@for script in $(BENCHMARKS); do \
		echo "== $$script"; \
		$(BIN)/python "$$script" --json "benchmarks/results/$$(basename "$$script" .py).json" || exit 1; \
	done

docs: $(VENV)/installed-docs
	$(BIN)/pdoc --docformat restructuredtext --output-directory site $(MODULES)
	$(BIN)/python docs/generate.py --check
	$(BIN)/mkdocs build --quiet --strict

clean:
	rm -rf $(VENV) site build dist *.egg-info benchmarks/results .coverage htmlcov
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The virtual environment; the stamps say which of the package's extras stand in it.

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name it with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) cannot make virtual environments; on Debian: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/pyvenv.cfg pyproject.toml setup.py
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/installed-test: $(VENV)/pyvenv.cfg pyproject.toml setup.py
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-docs: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pdoc>=15' 'mkdocs-material>=9.5,<10'
	@touch $@

# Some tests compare with DCMTK's programs. They are installed where that is possible without a question;
# elsewhere these tests are skipped and say why. Further foreign programs are installed by make peers only.

peers:
	tests/interop/install_peers.sh

dcmtk:
	@command -v dcmdump >/dev/null 2>&1 || { \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 && \
		{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes dcmtk; } >/dev/null 2>&1; } || \
		echo "DCMTK is not installed: the tests that need it are skipped (on Debian: apt install dcmtk)"
