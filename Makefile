# Two commands a newcomer needs: `make repro` and `make test`. Both set up .venv first.
STUDY ?= quickstart
JOBS ?=
PYTHON ?= python3

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: repro test bench check format lint types imports setup lock clean

repro: $(READY)  ## reproduce a study: make repro STUDY=cifar10 JOBS=4
	@$(BIN)/attnbench run $(STUDY) $(if $(JOBS),--jobs $(JOBS))

test: $(READY)  ## run the test suite
	@$(BIN)/python -m pytest

bench: $(READY)  ## measure how fast training is on this machine: about five minutes, in which it should be idle
	@$(BIN)/attnbench bench $(STUDY)

check: $(READY) format lint types imports test  ## everything a change has to pass

format: $(READY)
	$(BIN)/ruff format --check .

lint: $(READY)
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

imports: $(READY)
	$(BIN)/lint-imports

setup: $(READY)  ## make .venv and install the locked packages into it

# setuptools and wheel come first and under their own hashes: three packages are published as
# source only, and without build isolation they are built with these two and nothing unlisted.
$(READY): requirements.lock requirements-build.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "attnbench needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name one: make $(MAKECMDGOALS) PYTHON=python3.12")'
	@echo 'Installing the locked packages into $(VENV): about 3 GB on Linux, once; this takes minutes.'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --quiet --require-hashes -r requirements-build.lock
	@$(PIP) install --quiet --require-hashes --no-build-isolation -r requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

lock:  ## pin the dependencies again (needs uv); hashes, and no address of any index
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 --all-extras --upgrade pyproject.toml -o requirements.lock
	printf 'setuptools\nwheel\n' | uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 -c requirements.lock -o requirements-build.lock -

clean:  ## remove .venv; results and caches stay
	rm -rf $(VENV)
