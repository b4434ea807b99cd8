# Songline's two commands: `make album` and `make test`. Both make their own environment in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c infra/constraints.txt
OUT ?= releases

.DEFAULT_GOAL := help
.PHONY: help album engine minio stack stack-down test unit attacks faults soak audit check bench constraints clean

help:
	@echo "make album   install, render examples/night-bus, and say where to listen"
	@echo "make engine  install what DiffRhythm, ACE-Step, training, int8 weights, MuQ-MuLan and Demucs need (6 GB with the CUDA libraries)"
	@echo "make minio   build the MinIO server into .songline/bin with Go 1.24 or newer (3 minutes), for tests and the stack"
	@echo "make stack   start the production services here as plain processes (GPUS=0,1: a worker per device)"
	@echo "make stack-down  end them; what they keep stays"
	@echo "make test    install the tests' tools, check the code, run every test"
	@echo "make unit    the fast tests of each package alone, in under a minute: no servers, no whole albums"
	@echo "make attacks  the part of the tests that attacks: other users, web pages, files and servers that lie"
	@echo "make faults  kill, cut, fill and damage everything while it works, and see that nothing is lost"
	@echo "make soak    100 albums in a row under 500 kills, for hours (ALBUMS=5 KILLS=20 SEED=1 MINUTES=10: a short form)"
	@echo "make audit   are all packages pinned, and do any have known vulnerabilities?"
	@echo "make bench   measure speed and memory on this machine, beside ffmpeg and others where they are"

album: $(VENV)/.core
	$(BIN)/songline render examples/night-bus/album.yaml --out $(OUT)

engine: $(VENV)/.core
	$(PIP) -e '.[diffrhythm,acestep,mulan,stems,train,quantised]'

# MinIO publishes neither binaries nor module versions any more: this is its last commit.
minio: .songline/bin/minio

.songline/bin/minio:
	@command -v go >/dev/null || { echo "Building MinIO needs Go 1.24 or newer: https://go.dev/dl" >&2; exit 1; }
	GOBIN='$(CURDIR)/.songline/bin' go install github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c

# GPUS, where it is given, reaches the command through its environment.
stack: $(VENV)/.stack minio
	$(BIN)/python -m infra.stack up

stack-down:
	$(BIN)/python -m infra.stack down

# One file of tests stays on one process, so that its servers are started once; tests/conftest.py orders the files.
test: check
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

unit: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not slow and not faults' tests/unit

attacks: $(VENV)/.dev
	$(BIN)/python -m pytest -n 3 --dist loadfile tests/attacks

faults: $(VENV)/.dev minio
	$(BIN)/python -m pytest -m faults

soak: $(VENV)/.dev
	$(BIN)/python -m tests.soak $(if $(ALBUMS),--albums $(ALBUMS)) $(if $(KILLS),--kills $(KILLS)) \
		$(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES))

# The tool has an environment of its own: what it needs is no part of Songline's.
audit: $(VENV)/.dev .songline/audit/bin/pip-audit
	$(BIN)/python -m infra.audit --tool .songline/audit/bin/pip-audit

.songline/audit/bin/pip-audit: infra/audit-constraints.txt
	$(PYTHON) -m venv .songline/audit
	.songline/audit/bin/python -m pip install --quiet --disable-pip-version-check -c $< pip-audit
	@touch $@

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Other tools are compared where the search path has them; COMPARE="--tools DIR" names a folder to look in first.
bench: $(VENV)/.dev
	$(BIN)/python -m pytest tests/bench --benchmark-enable --benchmark-only --benchmark-columns=min,mean,rounds -s
	$(BIN)/python -m tests.bench.comparison $(COMPARE)
	$(BIN)/python -m tests.bench.separation

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Songline needs Python 3.11 to 3.13; try: make PYTHON=python3.11 ...") if not (3, 11) <= sys.version_info < (3, 14) else None'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.core: $(VENV)/bin/python pyproject.toml infra/constraints.txt
	$(PIP) -e .
	@touch $@

$(VENV)/.stack: $(VENV)/.core
	$(PIP) -e '.[stack]'
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	$(PIP) -e '.[dev,diffrhythm,acestep,mulan,stems,clap,aesthetics,lyrics,train,quantised,onnx]'
	@touch $@

constraints: $(VENV)/.dev
	(echo "# Exact versions of the core and development installs, known to work together. Regenerate: make constraints"; \
	 $(BIN)/python -m pip freeze --exclude-editable) > infra/constraints.txt

clean:
	rm -rf $(VENV)
