# Every target needs only Python 3.11 or 3.12, git and make; the first one used installs the environment.

PYTHON ?= python3
RUN ?= demo
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export OMP_WAIT_POLICY := passive
export DVC_NO_ANALYTICS := 1

.PHONY: setup reproduce test bench tables report lint lock clean-demo
.DEFAULT_GOAL := reproduce

setup: .venv/.installed  ## the locked environment, once

.venv/.installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12) and "Python 3.11 or 3.12 is needed; try: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	test -x .uv/bin/uv || { $(PYTHON) -m venv .uv && .uv/bin/python -m pip install --quiet uv==0.13.8; }
	test -x $(BIN)/python || .uv/bin/uv venv --quiet --python $(PYTHON) .venv
	.uv/bin/uv pip sync --quiet --python $(BIN)/python --compile-bytecode requirements.lock
	.uv/bin/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@

reproduce: setup  ## raw recordings -> tables (config/config.yaml); resumes where it was stopped
	@mkdir -p data .snakemake
	@flock --nonblock --conflict-exit-code 75 data/.reproduce.lock \
	    sh -c 'flock --nonblock .snakemake/alive snakemake --unlock --quiet all; exec snakemake --cores all' \
	    || { status=$$?; test $$status != 75 || echo "another 'make reproduce' is running in this folder"; exit $$status; }
	@cat results/demo/tables/megc2019.md results/demo/tables/dfme.md

test: setup  ## all tests
	$(BIN)/python -m pytest

bench: setup  ## how fast everything is on this machine, and all figures in build/bench.json
	$(BIN)/python -m benchmarks

tables: setup  ## tables again from results/ alone: make tables RUN=public_flows
	$(BIN)/python -m protocols.scores --results results/$(RUN)
	$(BIN)/python -m protocols.tables --results results/$(RUN)
	$(BIN)/python -m protocols.figures --results results/$(RUN)
	test ! -d results/$(RUN)/audit || { $(BIN)/python -m protocols.audit --results results/$(RUN) \
	    && $(BIN)/python -m protocols.inflation --results results/$(RUN); }

report: setup  ## one HTML page with tables, figures and provenance
	snakemake --report report.html

lint: setup
	ruff check .
	ruff format --check .
	snakemake --lint

lock: setup  ## after editing the dependencies in pyproject.toml
	.uv/bin/uv pip compile --quiet pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-header -o requirements.lock

clean-demo:  ## remove everything the demo made
	rm -rf data/demo results/demo
