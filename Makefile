# Names for what people and CI run. Everything happens in .venv, which `setup` makes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo run check test clean
setup: $(STAMP)

$(STAMP): requirements.txt requirements-dev.txt requirements-lab.txt
	@echo "Setting up $(VENV) (once; a minute or two) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -r requirements-lab.txt
	@touch $@

# A real Synapse, a small federation and the bot on loopback; KEEP=1 leaves it running.
demo: setup
	@$(BIN)/python -m lab.demo $(if $(KEEP),--keep)

run: setup
	@$(BIN)/python bot.py run

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_architecture.py tests/test_docs.py

test: setup
	$(BIN)/python -m pytest

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
