# `make train` and `make test` each work alone on a fresh clone.
PYTHON ?= python3
VENV ?= .venv
CONFIG ?= configs/dqn_cartpole.gin
RUN ?= runs/$(basename $(notdir $(CONFIG)))
# If empty, the seed of the configuration.
SEED ?=

BIN := $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check install --quiet
# Named by version: another PYTHON makes the environment anew.
VERSION := $(shell $(PYTHON) -c "import sys; print('%d.%d' % sys.version_info[:2])")
INSTALLED := $(VENV)/.installed-$(VERSION)
TESTABLE := $(VENV)/.testable-$(VERSION)
BENCH := $(VENV)-bench
BENCHABLE := $(BENCH)/.installed-$(VERSION)
ENVIRONMENTS := $(VENV)-environments
WITH_ENVIRONMENTS := $(ENVIRONMENTS)/.installed-$(VERSION)
DOCS := $(VENV)-docs
DOCUMENTED := $(DOCS)/.installed-$(VERSION)
# Not in the lock: requirements-bench.in tells why. Without a build for the CPU
# where pip looks, this takes several GB of CUDA packages on Linux.
TORCH := torch==2.13.0

.PHONY: help install gpu serving tracking scale train test test-gpu \
  test-environments test-package quick \
  lint check format bench bench-check reference site lock audit clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | \
	  awk -F ':.*## ' '{printf "  make %-17s %s\n", $$1, $$2}'
	@echo "  variables: PYTHON=$(PYTHON) CONFIG=$(CONFIG) RUN=$(RUN) SEED=$(SEED)"

install: $(INSTALLED)  ## create .venv from the hashed lock

# TF-Agents' own pins do not resolve on today's Python, hence --no-deps.
$(INSTALLED): requirements.lock setup.cfg pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)
	@echo "installing the locked packages into $(VENV) (about a minute)"
	$(PIP) --no-deps --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(TESTABLE): $(INSTALLED) requirements-test.lock
	$(PIP) --no-deps --require-hashes -r requirements-test.lock
	@touch $@

$(BENCHABLE): BIN := $(BENCH)/bin
$(BENCHABLE): requirements.lock requirements-bench.lock setup.cfg pyproject.toml
	$(PYTHON) -m venv --clear $(BENCH)
	@echo "installing the locked packages and PyTorch into $(BENCH)" \
	  "(about a minute and a half)"
	$(PIP) --no-deps --require-hashes -r requirements.lock
	$(PIP) --no-deps --require-hashes -r requirements-bench.lock
	$(PIP) $(TORCH)
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(WITH_ENVIRONMENTS): BIN := $(ENVIRONMENTS)/bin
$(WITH_ENVIRONMENTS): requirements.lock requirements-environments.lock \
  setup.cfg pyproject.toml
	$(PYTHON) -m venv --clear $(ENVIRONMENTS)
	@echo "installing the locked packages and other people's environments into" \
	  "$(ENVIRONMENTS) (about a minute and a half)"
	$(PIP) --no-deps --require-hashes -r requirements.lock
	$(PIP) --no-deps --require-hashes -r requirements-environments.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(DOCUMENTED): BIN := $(DOCS)/bin
$(DOCUMENTED): requirements-docs.lock
	$(PYTHON) -m venv --clear $(DOCS)
	$(PIP) --no-deps --require-hashes -r requirements-docs.lock
	@touch $@

# Also into .venv-bench, if it exists.
gpu: $(INSTALLED)  ## add what TensorFlow needs of CUDA (several GB, Linux)
	for python in $(BIN)/python $(wildcard $(BENCH)/bin/python); do \
	  $$python -m pip --disable-pip-version-check install --quiet \
	    --no-deps --require-hashes -r requirements-gpu.lock || exit 1; done

serving: $(INSTALLED)  ## add ONNX, and what serves policies besides TensorFlow
	$(PIP) --no-deps --require-hashes -r requirements-serving.lock

tracking: $(INSTALLED)  ## add MLflow and Weights & Biases
	$(PIP) --no-deps --require-hashes -r requirements-tracking.lock

scale: $(INSTALLED)  ## add Ray, for several machines
	$(PIP) --no-deps --require-hashes -r requirements-scale.lock

train: $(INSTALLED)  ## train, evaluate, record and export CONFIG into RUN
	$(BIN)/python -m agents_pipeline.apps.train \
	  --gin_file=$(CONFIG) --root_dir=$(RUN) \
	  $(if $(SEED),--seed=$(SEED)) $(if $(DEVICE),--device=$(DEVICE))

# In three processes: a test keeps less than a core busy, those with Ray hardly
# any. tests/conftest.py says which tests share one. In the order of the folders:
# xdist's own puts off files of few tests, and these are slowest.
IN_PROCESSES := -n 3 --no-loadscope-reorder

test: $(TESTABLE)  ## run every test
	$(BIN)/python -m pytest tests $(IN_PROCESSES) --durations=40

test-gpu: $(TESTABLE)  ## run the tests that need a GPU, after `make gpu`
	$(BIN)/python -m pytest tests -m gpu

# ONLY=minigrid,taxi runs these rows alone.
test-environments: $(WITH_ENVIRONMENTS)  ## run other people's environments
	$(ENVIRONMENTS)/bin/python -m benchmarks.environments \
	  $(if $(ONLY),--only=$(ONLY))

test-package:  ## build the wheel, install it by plain pip with PYTHON, train
	.ci/package $(PYTHON)

quick: $(TESTABLE)  ## run the tests that take less than a few seconds each
	$(BIN)/python -m pytest tests $(IN_PROCESSES) -m "not slow"

lint: $(TESTABLE)  ## format, lint and types, changing nothing
	$(BIN)/python -m compileall -q agents_pipeline tests benchmarks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy agents_pipeline

check: lint quick  ## format, lint, types and the quick tests

format: $(TESTABLE)  ## rewrite the code in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# QUICK=1 takes less than a minute; DEVICE=gpu compares a GPU with the CPU;
# ONLY=dqn_tensor,start measures these alone.
# ONLY=scale adds Ray there, and measures what collectors cost as well.
bench: $(BENCHABLE)  ## measure this pipeline beside others, in .venv-bench
	$(if $(findstring scale,$(ONLY)),$(BENCH)/bin/python -m pip \
	  --disable-pip-version-check install --quiet \
	  --no-deps --require-hashes -r requirements-scale.lock)
	$(BENCH)/bin/python -m benchmarks.suite $(if $(QUICK),--quick) \
	  $(if $(DEVICE),--device=$(DEVICE)) $(if $(ONLY),--only=$(ONLY))
	$(if $(findstring scale,$(ONLY)),$(BENCH)/bin/python -m \
	  benchmarks.scale_costs $(if $(QUICK),--quick))

bench-check: $(BENCHABLE)  ## fail where speed fell by more than 20 %
	$(BENCH)/bin/python -m benchmarks.check

reference: $(INSTALLED)  ## make docs/configuration.md of the docstrings
	$(BIN)/python -m agents_pipeline.config.reference > docs/configuration.md

site: $(DOCUMENTED)  ## build the documentation into build/site
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --quiet --strict

# uv applies the overrides in pyproject.toml to each of them.
lock:  ## compile requirements*.in into requirements*.lock
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet uv
	$(VENV)-lock/bin/uv pip compile --quiet --universal --no-header \
	  --python-version 3.10 --generate-hashes \
	  requirements.in --output-file requirements.lock
	$(VENV)-lock/bin/uv pip compile --quiet --universal --no-header \
	  --python-version 3.10 --generate-hashes \
	  requirements-test.in --output-file requirements-test.lock
	$(VENV)-lock/bin/uv pip compile --quiet --universal --no-header \
	  --python-version 3.10 --generate-hashes \
	  --overrides requirements-bench.overrides \
	  requirements-bench.in --output-file requirements-bench.lock
	$(VENV)-lock/bin/uv pip compile --quiet --universal --no-header \
	  --python-version 3.10 --generate-hashes \
	  --overrides requirements-environments.overrides \
	  requirements-environments.in --output-file requirements-environments.lock
	$(VENV)-lock/bin/uv pip compile --quiet --universal --no-header \
	  --python-version 3.10 --generate-hashes \
	  requirements-gpu.in --output-file requirements-gpu.lock
	$(VENV)-lock/bin/uv pip compile --quiet --universal --no-header \
	  --python-version 3.10 --generate-hashes \
	  --overrides requirements-serving.overrides \
	  requirements-serving.in --output-file requirements-serving.lock
	$(VENV)-lock/bin/uv pip compile --quiet --universal --no-header \
	  --python-version 3.10 --generate-hashes \
	  requirements-tracking.in --output-file requirements-tracking.lock
	$(VENV)-lock/bin/uv pip compile --quiet --universal --no-header \
	  --python-version 3.10 --generate-hashes \
	  requirements-docs.in --output-file requirements-docs.lock
	$(VENV)-lock/bin/uv pip compile --quiet --universal --no-header \
	  --python-version 3.10 --generate-hashes \
	  requirements-scale.in --output-file requirements-scale.lock

# Asks PyPI. Fails at a known vulnerability, and at what it cannot look up.
audit:  ## check the locks against known vulnerabilities
	$(PYTHON) -m venv $(VENV)-audit
	$(VENV)-audit/bin/python -m pip --disable-pip-version-check install \
	  --quiet pip-audit
	$(VENV)-audit/bin/pip-audit --strict --disable-pip --require-hashes \
	  -r requirements.lock -r requirements-test.lock -r requirements-bench.lock \
	  -r requirements-environments.lock -r requirements-gpu.lock \
	  -r requirements-serving.lock -r requirements-tracking.lock \
	  -r requirements-docs.lock -r requirements-scale.lock

clean:  ## remove the environments and caches; runs/ stays
	rm -rf $(VENV) $(VENV)-lock $(VENV)-audit $(BENCH) $(ENVIRONMENTS) \
	  $(DOCS) build *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
