# Names for what people and CI run. Everything happens in .venv, which `setup` makes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LAB_STAMP := $(VENV)/.installed-lab

LIVEKIT_VERSION := v1.13.5
LIVEKIT := .cache/livekit/livekit-server

AUDIT_VENV := .venv-audit
AUDIT_STAMP := $(AUDIT_VENV)/.installed

CLIENT_TOOLS := .cache/clients
CLIENT_STAMP := $(CLIENT_TOOLS)/.installed

BENCH_VENV := .venv-bench
BENCH_STAMP := $(BENCH_VENV)/.installed

.PHONY: setup lab livekit bench-tools client-tools links demo run check test test-system clients durability replay soak coverage zoo audit scoreboard bench policy fuzz clean
setup: $(STAMP)

$(STAMP): requirements.txt requirements-dev.txt
	@echo "Setting up $(VENV) (once; a minute) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# What the real homeserver and the real SFU need, for the demo and for what is tested against them.
lab: $(LAB_STAMP)

$(LAB_STAMP): $(STAMP) requirements-lab.txt requirements-media.txt
	@echo "Adding a homeserver to $(VENV) (once; a minute) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-lab.txt
	@touch $@

# A real SFU for the lab, from the Go module proxy: some minutes once; LIVEKIT_SERVER names a prebuilt one instead.
livekit: $(if $(LIVEKIT_SERVER),,$(LIVEKIT))

$(LIVEKIT): lab/livekit.sh
	@PYTHON=$(PYTHON) sh lab/livekit.sh $(LIVEKIT_VERSION) $@

# A real Synapse, a small federation and the bot on loopback; KEEP=1 leaves it running.
demo: lab
	@$(BIN)/python -m lab.demo $(if $(KEEP),--keep)

run: setup
	@$(BIN)/python bot.py run

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_architecture.py tests/test_docs.py

# Two workers a core, as tests wait half of the time, each with whole files and addresses of its own. COVERAGE=1 measures
# what they reach.
WORKERS ?= $(shell $(PYTHON) -c "import os; print(2 * (os.cpu_count() or 1))")
PYTEST = $(BIN)/python $(if $(COVERAGE),-m coverage run) -m pytest -n $(WORKERS) --dist loadfile

# What needs no server but those that the tests are themselves.
test: setup
	$(PYTEST) -m "not system"

# The rest, against a real Synapse, SFU, PostgreSQL, nginx, Caddy, HAProxy; what is not installed is skipped, by name.
test-system: lab
	$(PYTEST) -m system --no-loadscope-reorder

# Everything that the bot says, with links and mentions of strangers in it, through the linkifier of Element Web. Needs node
# and npm.
links: setup client-tools
	@$(BIN)/python -m tests.hostile.real_linkifier

# Real Element Call in Debian's Chromium against the lab, beside the table of expectations and the bot's rows; SETUPS="endpoint
# both-keys" for some, PAGE=docs/evidence/clients.md rewrites the page. Needs chromium, node and npm.
clients: lab client-tools links
	@$(BIN)/python -m lab.clients $(SETUPS) $(if $(PAGE),--page $(PAGE))

# Four versions of Element Call, what embeds, bundles and drives them, and the linkifier, from npm: 200 MB, below .cache.
client-tools: $(CLIENT_STAMP)

$(CLIENT_STAMP): lab/clients/package.json lab/clients/package-lock.json
	@mkdir -p $(CLIENT_TOOLS)
	@cp lab/clients/package.json lab/clients/package-lock.json $(CLIENT_TOOLS)/
	@npm ci --prefix $(CLIENT_TOOLS) --ignore-scripts --no-audit --no-fund --loglevel error
	@touch $@

# The bot killed over and over through RUNS incidents, and what the rooms make of it; SEED=... for the same chances.
durability: lab
	@$(BIN)/python -m tests.durability $(if $(RUNS),--runs $(RUNS)) $(if $(SEED),--seed $(SEED))

# What rooms are told against what truly was, on a simulated clock; TRACES="flapping crowd" for some, SEED=... for the
# same traces by chance.
replay: setup
	@$(BIN)/python -m bench.replay $(TRACES) $(if $(SEED),--seed $(SEED))

# A simulated day of a thousand servers: what it costs, what is left over, every alert; SERVERS=, HOURS=, MINUTES=, SEED=.
soak: setup
	@$(BIN)/python -m bench.soak $(if $(SERVERS),--servers $(SERVERS)) $(if $(HOURS),--hours $(HOURS)) \
		$(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

# All tests measured; fails below 95 % of the pure modules and 85 % of the rest.
coverage: lab
	@$(BIN)/python -m coverage erase
	@$(MAKE) test test-system COVERAGE=1
	@$(BIN)/python -m tests.gate

# Every bad server: what the check finds, in which time and memory; ANIMALS="gzip redirect" for some.
zoo: setup
	@$(BIN)/python -m zoo $(ANIMALS)

# Known vulnerabilities of everything installed from the requirements files; exits with 69 where that cannot be told.
audit: lab $(AUDIT_STAMP)
	@( $(AUDIT_VENV)/bin/pip-audit --progress-spinner off --format json \
		--path "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
		2> $(AUDIT_VENV)/stderr || cat $(AUDIT_VENV)/stderr >&2 ) | $(BIN)/python .ci/audit.py

$(AUDIT_STAMP):
	@$(PYTHON) -m venv $(AUDIT_VENV)
	@$(AUDIT_VENV)/bin/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.9,<3'
	@touch $@

# Faults side by side with testmatrix (fetched into a venv of its own) and Debian's prometheus-blackbox-exporter.
scoreboard: lab $(BENCH_STAMP)
	@$(BIN)/python -m bench.scoreboard $(FAULTS)

# What the scoreboard and the bench compare with, in an environment of its own.
bench-tools: $(BENCH_STAMP)

$(BENCH_STAMP):
	@$(PYTHON) -m venv $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check testmatrix==0.2.3
	@touch $@

# Ways into private networks, walked by the real bot on loopback and in a network namespace; LIST=1 names them.
policy: setup
	@$(BIN)/python -m tests.policy $(if $(LIST),--list)

# Round trips, CPU and memory; rewrites docs/evidence/performance.md. Needs root or user namespaces, /dev/net/tun and iproute2.
bench: lab $(BENCH_STAMP)
	@$(BIN)/python -m bench $(PARTS:%=--part %) $(if $(RUNS),--runs $(RUNS))

# A million executions over everything that reads strangers' text; RUNS=20000 for fewer.
fuzz: setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-fuzz.txt
	@$(BIN)/python -m fuzz $(if $(RUNS),--runs $(RUNS))

clean:
	rm -rf $(VENV) $(AUDIT_VENV) $(BENCH_VENV) .coverage* .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
