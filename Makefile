# All the commands that anyone needs. `make` alone lists them.

PORT ?= 8000
FLOWER_PORT ?= 5555
DATA ?= var
PYTHON ?= python3
MINUTES ?= 10

export RECOUP_PORT := $(PORT)
export RECOUP_FLOWER_PORT := $(FLOWER_PORT)
export RECOUP_DATA_DIR := $(DATA)

# Relative, and never through the scripts beside it: their first lines break in paths with a space.
PY := .venv/bin/python
INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes
PROTOS := proto/orders.proto proto/ledger.proto
PROTOC = PATH="$(CURDIR)/.venv/bin:$$PATH" $(PY) -m grpc_tools.protoc -I. \
	--python_out=$(1) --grpc_python_out=$(1) --mypy_out=quiet:$(1) --mypy_grpc_out=quiet:$(1) $(PROTOS)
CHAOS := $(patsubst %,tests/chaos/test_%.py,chaos_minute faults third_party)
# What only computes, or waits for itself, in two processes, the longest first; then what shares an instance, one
# test after the other. (Not with --dist loadgroup, loadfile or loadscope: they run tests of one name once.)
# (Without compiled code at hand, each of the hundreds of starts would compile all of it anew.)
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(PY) -m pytest
APART := -n 2 --dist worksteal tests/e2e/test_up.py tests/model tests/integration tests/unit
SHARED := --ignore tests/e2e/test_up.py tests/e2e tests/chaos tests/mutants

.DEFAULT_GOAL := help
.PHONY: help run demo status show pending retry consistency audit chaos bench soak locust test test-all test-chaos test-redis lint alerts format proto lock clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/ -/' | sed 's/^/make /'

run: .venv/.run-ready  ## set up, and run everything (PORT, FLOWER_PORT, DATA)
	@exec $(PY) -m recoup up

demo: .venv/.run-ready  ## buy, kill, heal: against what `make run` runs
	@exec $(PY) -m recoup demo

status: .venv/.run-ready  ## is money wrong, does it grow, must someone act?
	@exec $(PY) -m recoup status

show: .venv/.run-ready  ## all about an order, an attempt, a user or an item (ID=...)
	@exec $(PY) -m recoup show "$(ID)"

pending: .venv/.run-ready  ## what waits to be settled, and why
	@exec $(PY) -m recoup pending

retry: .venv/.run-ready  ## have one checkout tried again now (TID=...)
	@exec $(PY) -m recoup retry "$(TID)"

consistency: .venv/.run-ready  ## 1,000 checkouts of 100 pieces at once, verified
	@exec $(PY) -m recoup consistency

audit: .venv/.run-ready  ## check that every credit, item and order is accounted for
	@exec $(PY) -m recoup audit

chaos: .venv/.dev-ready  ## break an instance of its own in every way, under load (MINUTES, SEED)
	@exec $(PY) -m recoup chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

bench: .venv/.dev-ready  ## how fast checkouts are, and what one costs (QUICK=1, AGAINST=bench.json)
	@exec $(PY) -m recoup bench $(if $(QUICK),--quick) $(if $(AGAINST),--against "$(AGAINST)")

soak: .venv/.dev-ready  ## load an instance of its own: does anything grow? (MINUTES)
	@exec $(PY) -m recoup soak --minutes $(MINUTES)

locust: .venv/.dev-ready  ## load with a web page to steer it, on port 8089 (WORKERS=4)
	@exec $(PY) -m locust -f loadtest/locustfile.py --host http://127.0.0.1:$(PORT) --class-picker \
		--web-host 127.0.0.1 --master-bind-host 127.0.0.1 $(if $(WORKERS),--processes $(WORKERS))

test: .venv/.dev-ready  ## all tests but the slow ones; its ports and data are its own
	@$(PYTEST) $(APART)
	@exec $(PYTEST) $(SHARED)

test-all: .venv/.dev-ready  ## all tests
	@$(PYTEST) -m "" $(APART)
	@exec $(PYTEST) -m "" $(SHARED)

test-chaos: .venv/.dev-ready  ## a minute of chaos, a death at each fault point, a third party
	@exec $(PYTEST) -m slow $(CHAOS)

test-redis: .venv/.dev-ready  ## the integration tests, on the redis-server of PATH
	@RECOUP_REDIS_SERVER=redis-server exec $(PYTEST) -n 2 --dist worksteal tests/integration

lint: .venv/.dev-ready  ## style, types, who imports whom, generated code is current
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/python -c "import sys; from importlinter.cli import lint_imports_command as lint; sys.exit(lint())"
	@rm -rf .venv/proto && mkdir -p .venv/proto && $(call PROTOC,.venv/proto)
	@for file in .venv/proto/proto/*; do \
		cmp -s "$$file" "proto/$$(basename "$$file")" || { echo "proto/ is not current: make proto"; exit 1; }; done

alerts:  ## check the alert rules, and that each fires (needs promtool: Debian's prometheus)
	promtool check config compose/prometheus/prometheus.yml
	promtool test rules compose/prometheus/alerts.test.yml

format: .venv/.dev-ready  ## format the code
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

proto: .venv/.dev-ready  ## generate the gRPC code from proto/*.proto
	$(call PROTOC,.)

lock: .venv/.dev-ready  ## pin the dependencies that setup.cfg names
	$(PY) -m pip install --quiet uv
	@for each in run "dev --extra dev"; do set -- $$each; name=$$1; shift; \
		printf 'setuptools\nwheel\n' | $(PY) -m uv pip compile setup.cfg - $$@ --quiet --universal \
			--python-version 3.11 --generate-hashes --no-annotate --no-header -o requirements/$$name.lock; done

clean:  ## remove what was set up and all data
	rm -rf .venv var *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/.created:
	@command -v $(PYTHON) >/dev/null || { echo "python3 is missing: sudo apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Recoup needs Python 3.11 or newer; name one with PYTHON=..."; exit 1; }
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 \
		|| { rm -rf .venv; echo "python3-venv is missing: sudo apt-get install python3-venv"; exit 1; }
	@touch $@

.venv/.run-ready: .venv/.created requirements/run.lock setup.cfg
	@echo "setting up: packages (about half a minute, once)"
	@$(INSTALL) -r requirements/run.lock
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev-ready: .venv/.run-ready requirements/dev.lock
	@echo "setting up: packages for tests and checks"
	@$(INSTALL) -r requirements/dev.lock
	@touch $@
