# make run      start the demonstration on 127.0.0.1 (etc/quickstart.ini); Ctrl-C ends it
# make test     formatting, linters, types and all tests; ends with "N passed, M failed"
# make install  only prepare .venv: everything pinned in requirements-dev.lock, and this package, editable
# make format   let ruff put the files into shape
# make wheel    build dist/*.whl and dist/*.tar.gz
# make lock     bring requirements-dev.lock up to date with pyproject.toml

PYTHON ?= python3
BIN := .venv/bin

.PHONY: install run test format wheel lock clean

install: .venv/installed

run: .venv/installed
	@sed '/^$$/q; s/^# \{0,1\}//' etc/quickstart.ini
	@exec $(BIN)/twistd -n --pidfile= relay --config etc/quickstart.ini

test: .venv/installed
	@$(BIN)/python tools/test.py

format: .venv/installed
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

wheel: .venv/installed
	$(BIN)/python -m build --no-isolation --outdir dist

# Written last, so that a broken install is taken up again.
.venv/installed: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "twisted_relay needs Python 3.11 or newer; try: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

lock:
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet pip-tools
	$(PYTHON) tools/lock.py build/lock/bin/pip-compile

clean:
	rm -rf .venv build dist _trial_temp* .mypy_cache .ruff_cache .hypothesis
