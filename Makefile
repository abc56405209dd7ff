# Everything runs in an environment that this file makes from requirements.lock.
#   PYTHON=python3.12   the interpreter to make it with      VENV=build/py312   where to make it
#   FOR=20s             how long demo and soak run           ARGS="-k clock"    passed on to the tool

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV ?= .venv
BIN := $(VENV)/bin
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONDONTWRITEBYTECODE  # tests start our program hundreds of times: it need not be compiled each time

# Stamps are named after what they stand for, not dated: a checkout that only touches files costs nothing,
# and an environment that was moved, half made, or has lost its interpreter is made anew.
digest = $(shell (cat $(1); echo "$(CURDIR) $(VENV) $(PYTHON)") | cksum | cut -d' ' -f1)
LOCKED := $(VENV)/.locked-$(call digest,requirements.lock)
INSTALLED := $(VENV)/.installed-$(call digest,requirements.lock pyproject.toml)
ALIVE := $(shell $(BIN)/python -c 'print("yes")' 2>/dev/null)

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 19

.PHONY: demo
demo: $(INSTALLED) ## a simulated station, a broker and the agent on one screen; FOR=20s ends it
	@$(BIN)/station-agent demo $(if $(FOR),--for $(FOR)) $(ARGS)

.PHONY: test
test: $(INSTALLED) servers ## the whole suite, against real servers
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(ARGS) && exit
	echo "again, one at a time: what is bound to a clock may lose its race when four run on two cores"
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none $(ARGS)

.PHONY: test-brokers
test-brokers: $(INSTALLED) ## the same ledger against RabbitMQ and NATS, which it installs; as root
	@.ci/servers rabbitmq-server nats-server
	$(BIN)/python -m pytest -m brokers --timeout=300 $(ARGS)

.PHONY: soak
soak: $(INSTALLED) ## the long runs, RabbitMQ and NATS among them, and one table in the end; FOR=10min says how long each
	@.ci/servers rabbitmq-server nats-server
	mkdir -p build
	rm -f build/faults.jsonl
	code=0
	FOR=$(FOR) FAULT_TABLE=$(CURDIR)/build/faults.jsonl $(BIN)/python -m pytest -m "soak or brokers" --timeout=0 $(ARGS) || code=$$?
	[ ! -e build/faults.jsonl ] || $(BIN)/python -m tests.faults.table build/faults.jsonl
	exit $$code

.PHONY: bench
bench: $(INSTALLED) servers ## measures what the agent costs on this machine
	@$(BIN)/python -m pytest -m bench -s $(ARGS)

.PHONY: screens
screens: $(INSTALLED) servers ## tests/captures: captures of the real commands at the demo station; three minutes
	@$(BIN)/python -m tests.screens tests/captures

.PHONY: lint
lint: $(INSTALLED) ## ruff, and the directions of import
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-logo

.PHONY: format
format: $(INSTALLED) ## mends what ruff can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: types
types: $(INSTALLED) ## mypy, strict
	$(BIN)/mypy

.PHONY: wheel
wheel: $(INSTALLED) ## dist/station_agent-*.whl
	@rm -f dist/*.whl
	$(BIN)/python -m hatchling build -t wheel

PACK := $(if $(TARGET),--target $(TARGET)) $(if $(PYTHON_VERSION),--python-version $(PYTHON_VERSION))

.PHONY: bundle
bundle: wheel ## for a PC without internet; TARGET=aarch64 PYTHON_VERSION=3.13 INTERPRETER=FILE say for which
	@$(BIN)/python -m systemd.packing.bundle $(PACK) $(if $(INTERPRETER),--interpreter "$(INTERPRETER)")

.PHONY: deb
deb: wheel ## a Debian package; TARGET and PYTHON_VERSION (3.11 is Debian 12, 3.13 Debian 13) say for which
	@$(BIN)/python -m systemd.packing.deb $(PACK)

LOCK := pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

.PHONY: lock
lock: ## rewrites the hash-locked files; ARGS=--upgrade takes newer versions
	@python=$$(.ci/python "$(PYTHON)")
	tools=$$(mktemp -d)
	trap 'rm -rf "$$tools"' EXIT
	"$$python" -m venv "$$tools"
	"$$tools/bin/pip" install -q 'uv>=0.7'
	uv=$$tools/bin/uv
	"$$uv" $(LOCK) $(ARGS) --extra demo --extra zstd --extra tui --extra plot --extra parquet --group dev -o requirements.lock pyproject.toml
	"$$uv" $(LOCK) --constraint requirements.lock --extra zstd --extra tui --extra plot -o requirements-runtime.lock pyproject.toml
	"$$uv" $(LOCK) --constraint requirements.lock --group build -o requirements-build.lock

.PHONY: clean
clean: ## removes the environment and everything that was built
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find agent drivers tests -name __pycache__ -prune -exec rm -rf {} +

.PHONY: servers
servers:
	@.ci/servers

$(LOCKED): $(if $(ALIVE),,FORCE)
	@python=$$(.ci/python "$(PYTHON)")
	count=$$(grep -c '^[a-z].*==' requirements.lock) n=0
	echo "[1/3] $(VENV): a new environment with $$("$$python" --version)"
	rm -rf "$(VENV)"
	"$$python" -m venv "$(VENV)"
	echo "[2/3] $(VENV): the packages of requirements.lock; a minute or two, the first time"
	$(BIN)/python -m pip install --require-hashes --no-deps -r requirements.lock | while read -r word package _; do
	  case $$word in
	    Ignoring) n=$$((n + 1)) ;;
	    Collecting) n=$$((n + 1)); echo "      $$n of $$count: $${package%%;*}" ;;
	    Processing) n=$$((n + 1)); package=$${package##*/}; echo "      $$n of $$count: $${package%%-[cp][py][0-9]*}" ;;
	    Installing) echo "      unpacking" ;;
	  esac
	done
	touch $@

$(INSTALLED): $(LOCKED)
	@echo "[3/3] $(VENV): this project"
	$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	touch $@

.PHONY: FORCE
FORCE:
