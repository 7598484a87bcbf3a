# Set-up happens by itself: `make serv` and `make test` work in a fresh clone.

HOST := 127.0.0.1
PORT := 7337
NAME :=
ROOM := lobby
DATA :=
TESTS :=
SEED :=
SEEDS :=
CYCLES :=
POINTS :=
RUNS :=
TARGETS :=
JOBS :=
KEEP :=
PYTHON := python3
UV := uv

RUN := .venv/bin/python -m
PIP := $(RUN) pip -qq --disable-pip-version-check install
LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header

BENCH_KEYS := CLIENTS ROOMS PUBLISHERS RATE WINDOW SECONDS WARMUP REPEATS SIZE DURABILITY \
  SERVER DOOR GENERATORS THRESHOLD QUIET
BENCH = $(foreach v,$(BENCH_KEYS),$(if $(filter command%,$(origin $(v))),'$(v)=$($(v))'))

.PHONY: help serv cli bench test sim soak power fuzz lint types check format lock clean
.NOTPARALLEL:

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-10s%s\n", $$1, $$2 }' Makefile
	@echo "Variables: HOST PORT NAME ROOM DATA TESTS PYTHON, as in: make serv PORT=7400"
	@echo "Those of bench, as in make bench CLIENTS=1000: see bench/README.md"

serv: .venv/.runtime  ## start the server; Ctrl+C stops it
	@exec $(RUN) netchat serve --listen "$(HOST):$(PORT)" $(if $(DATA),--data "$(DATA)")

cli: .venv/.runtime  ## start a client
	@exec $(RUN) netchat chat --server "$(HOST):$(PORT)" --room "$(ROOM)" $(if $(NAME),--name "$(NAME)")

bench: .venv/.runtime  ## measure the server with simulated clients
	@exec $(RUN) bench run $(BENCH)

test: .venv/.dev  ## run the tests, or those in TESTS
	@$(RUN) pytest $(TESTS)

sim: .venv/.dev  ## play the server on simulated sockets: SEED=7 or SEEDS=1000
	@exec $(RUN) tests.sim $(if $(SEED),--seed $(SEED)) $(if $(SEEDS),--seeds $(SEEDS))

soak: .venv/.dev  ## kill the server with -9 under load, again and again: CYCLES=1000
	@exec $(RUN) tests.crash.killing $(if $(CYCLES),--cycles $(CYCLES))

fuzz: .venv/.fuzz  ## look for input that breaks a parser or a session: RUNS=10000000 JOBS=2 KEEP=1 TARGETS="events guest"
	@exec $(RUN) tests.fuzz $(if $(RUNS),--runs $(RUNS)) $(if $(JOBS),--jobs $(JOBS)) $(if $(KEEP),--keep) $(TARGETS)

power: .venv/.dev  ## cut the power inside of commits, and look at what is left: POINTS=10000
	@exec $(RUN) tests.crash.power $(if $(POINTS),--points $(POINTS)) $(if $(SEED),--seed $(SEED))

lint: .venv/.dev  ## check style and format
	@$(RUN) ruff check --quiet . && $(RUN) ruff format --quiet --check .

types: .venv/.dev  ## check the types
	@$(RUN) mypy

check: lint types test  ## everything that a change has to pass

format: .venv/.dev  ## put the code into its format
	@$(RUN) ruff check --quiet --fix . ; $(RUN) ruff format .

lock:  ## renew the lock files (maintainers; needs uv)
	@echo setuptools | $(LOCK) setup.cfg - --output-file requirements.lock
	@$(LOCK) setup.cfg --extra all --extra test --extra dev -c requirements.lock --output-file requirements-dev.lock
	@$(LOCK) setup.cfg --extra fuzz -c requirements.lock --output-file requirements-fuzz.lock

clean:  ## remove everything that was built
	@rm -rf .venv build dist *.egg-info .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

NEEDED := netchat needs Python 3.11 or newer with venv. On Debian: sudo apt-get install python3-venv

.venv/.runtime: requirements.lock setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "$(NEEDED)" >&2; exit 1; }
	@echo "Setting up .venv (once)"; $(PYTHON) -m venv .venv && $(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e . && touch $@

.venv/.dev: .venv/.runtime requirements-dev.lock
	@echo "Adding the test tools to .venv (once)"; $(PIP) --require-hashes -r requirements-dev.lock && touch $@

.venv/.fuzz: .venv/.dev requirements-fuzz.lock
	@echo "Adding the fuzzer to .venv (once)"; $(PIP) --require-hashes -r requirements-fuzz.lock && touch $@
