# Each target sets itself up from a bare Python >= 3.11: a virtual environment with the locked versions.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
RIVALS := $(VENV)/bench/.ready

# Every start would read all the source anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-longer test-pages test-clients test-browser test-servers lint bench bench-machines pictures lock clean

run: $(READY)
	@$(BIN)/kampanjhjul serve

# At most three minutes on two cores; SQLite and PostgreSQL (from a wheel), no network.
test: $(READY)
	$(BIN)/pytest -n 2 --no-skips

# The command line as people run it, rehearsals of a year, upgrades from earlier schemas, rounds of link checks, reach, new years,
# translations and follow-ups; no network.
test-longer: $(READY)
	$(BIN)/pytest -m longer -n 2 --no-skips

# What pages show and what their forms do, on SQLite and PostgreSQL, no network.
test-pages: $(READY)
	$(BIN)/pytest -m pages -n 2 --no-skips

# Real calendar programs, feed readers and a browser; needs node, npm and chromium.
test-clients: $(READY) node_modules/.ready
	$(BIN)/pytest -m clients --no-skips

# Every page in a real browser, held to WCAG and the validator, and journeys through them; needs node, npm, chromium and java.
test-browser: $(READY) node_modules/.ready
	$(BIN)/pytest -m browser -n 2 --no-skips

# Real WordPress (apt install wordpress php-cli php-mysql mariadb-server) and Bluesky (node, npm); workers that are killed
# while their channels fail; many processes on one PostgreSQL, behind PgBouncer and nginx, and cut off by network namespaces
# (apt install pgbouncer nginx-light iproute2 openssl; root, or sudo that asks for nothing); copies and their way back; the
# files in deploy/ (apt install systemd prometheus).
test-servers: $(READY) node_modules/.ready
	$(BIN)/pytest -m servers --no-skips

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# At most eight minutes. The calendar over HTTP is held against nginx, by wrk (apt install nginx-light wrk), and Radicale;
# the outbox against Celery, Dramatiq (both on Redis: apt install redis-server), Procrastinate and APScheduler.
bench: $(READY) $(RIVALS)
	$(BIN)/python -m tests.bench

# Many machines on PostgreSQL (from a wheel): at most eight minutes. Held against Procrastinate, and against nginx by wrk
# (apt install nginx-light wrk openssl).
bench-machines: $(READY) $(RIVALS)
	$(BIN)/python -m tests.bench --machines

# The pictures in the README and on the help page, taken anew; needs node, npm and chromium.
pictures: $(READY) node_modules/.ready
	$(BIN)/python -m tests.pictures

lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --no-header --no-emit-index-url --no-annotate -o requirements.lock

clean:
	rm -rf $(VENV) node_modules

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Kampanjhjulet behöver Python 3.11 eller senare. Ange den med: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Det gick inte att skapa en virtuell miljö. På Debian: apt install python3-venv"; rm -rf $(VENV); exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(RIVALS): $(READY) tests/bench/rivals.txt
	@$(PYTHON) -m venv $(VENV)/bench
	$(VENV)/bench/bin/python -m pip install --quiet --disable-pip-version-check -r tests/bench/rivals.txt
	@touch $@

node_modules/.ready: tests/package.json
	npm install --prefix . --no-save --no-audit --no-fund --no-package-lock --silent $$(node -p "Object.entries(require('./tests/package.json').devDependencies).map(([n, v]) => n + '@' + v).join(' ')")
	@touch $@
