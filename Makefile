# driftlake. `make nightly` and `make test` need nothing but Python 3.11, make and git.

PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/installed-from-lock

.PHONY: nightly test validate lint schedule report benchmarks lock

nightly: $(READY)  ## one night, end to end; on an empty lake the four staged nights of the laboratory
	@$(BIN)/driftlake nightly

test: $(READY)  ## the whole suite on two processes, longest first
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder

validate: $(READY)  ## simulations of intervals and tests, and whole nights too slow for every change; some minutes, figures are printed
	@$(BIN)/python -m pytest -s tests/validation/validate_*.py
	@$(BIN)/python -m pytest -m slow

lint: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy flows pipelines lake expectations dashboards models_sql

schedule: $(READY)  ## serve the nightly flow by cron, until stopped
	@$(BIN)/driftlake schedule

report: $(READY)  ## where the newest page is
	@$(BIN)/driftlake report

benchmarks: $(READY)  ## every benchmark, one JSON line each
	@for file in tests/benchmarks/bench_*.py; do PYTHONPATH=. $(BIN)/python $$file || exit 1; done

# torch goes first and alone: resolved together with the rest it may pull gigabytes of other builds.
# The lock is complete, so nothing is resolved and nothing newer can slip in.
$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "driftlake needs Python 3.11 as '$(PYTHON)'. Install it, or say 'make PYTHON=/path/to/python3.11 …'." >&2; exit 2; }
	@echo "Installing driftlake into .venv from requirements.lock (once, one to three minutes) …"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $$(grep '^torch==' requirements.lock)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

lock:  ## write requirements.lock from what is installed (after an upgrade on purpose)
	@$(BIN)/python -m pip freeze --all --exclude-editable | grep -viE '^(pip|driftlake)([=@ ]|$$)' | sed 's/+cpu$$//' > requirements.lock
