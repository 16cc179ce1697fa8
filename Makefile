# Everything that is done to this checkout. `make help` lists it.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test check bench fmt lock clean run-env dev-env docs-env generate docs agent-bundle

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: run-env ## run the whole product with the simulated Naiman Banner (DEMO_ARGS="--centres 20 --speed 10 --port 9000")
	@exec $(BIN)/shouwang demo $(DEMO_ARGS)

test: dev-env ## set everything up, servers included, and run all tests (TEST_ARGS="-k watch" for some)
	@$(BIN)/python -m tests.servers.prepare
	@$(BIN)/python -m tests.run $(TEST_ARGS)

check: dev-env ## lint, types, import rules and the quick tests, in under 2 minutes
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -m "not system and not slow" -n 2 --dist worksteal

bench: dev-env ## measure what it costs; writes build/bench.json (BENCH=quick: under 60 s)
	@BENCH=$(BENCH) $(BIN)/python -m benchmarks

fmt: dev-env ## format, and mend what the linter can mend
	@$(BIN)/ruff check --fix --quiet || true
	@$(BIN)/ruff format

generate: dev-env ## make anew what is generated and checked in (JSON Schemas, pages about kinds, drivers, settings, REST and commands)
	@$(BIN)/python -m shouwang.schemas
	@$(BIN)/python -m shouwang.kinds.pages
	@$(BIN)/python -m edge.described
	@$(BIN)/python -m edge.quality
	@$(BIN)/python -m tests.faults
	@$(BIN)/python -m collector.doctor.pages
	@$(BIN)/python -m tools.reference
	@$(BIN)/shouwang dashboards render dashboards/json
	@$(BIN)/python -m dashboards.alerts.files

docs: docs-env ## make the site of docs, for reading without a network: build/site
	@$(BIN)/python -m tools.site

agent-bundle: dev-env ## make the agent's one file, build/shouwang-agent-<architecture>.pyz (AGENT_ARGS="--architecture aarch64")
	@$(BIN)/python tools/agent_bundle.py $(AGENT_ARGS)

lock: dev-env ## renew requirements/*.txt from pyproject.toml (UPGRADE=1: to the newest versions)
	@UPGRADE=$(UPGRADE) tools/lock.sh

clean: ## remove the demo's state, build products and caches; .venv stays
	rm -rf .demo build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

run-env:
	@$(PYTHON) tools/bootstrap.py run

docs-env:
	@$(PYTHON) tools/bootstrap.py docs

dev-env:
	@$(PYTHON) tools/bootstrap.py dev
