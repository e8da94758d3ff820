# Two commands matter: `make notebook` and `make test`. Each sets up what it needs, in .venv.

PYTHON ?= python3
VENV    = .venv
BIN     = $(VENV)/bin
DEV     = $(VENV)/.dev
NOTE    = $(VENV)/.notebook
DOCS    = $(VENV)/.docs
PEERS   = benchmarks/.venv/.peers
CLIENTS = tests/clients/.venv/.clients
OLDEST  = build/oldest
CAPTURE ?= ../shared/captures/spot_2021.jsonl.gz

.DEFAULT_GOAL = help
.PHONY: help notebook demo test slow oldest clients docs binder lint format types bench growth faults soak sim verify clean

help: ## list the verbs
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*## */\t/' | expand -t 12

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; say make PYTHON=python3.11") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	$(BIN)/python -m pip install --quiet --upgrade pip

$(NOTE): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[notebook]'
	@touch $@

$(DEV): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(NOTE)

notebook: $(NOTE) ## open the quickstart in JupyterLab, on KuCoin or the built-in exchange
	$(BIN)/jupyter lab examples/00_quickstart.ipynb $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB)

demo: $(NOTE) ## show one symbol live in this terminal for ten seconds
	$(BIN)/kucoin-stream watch BTC-USDT --seconds 10

test: $(DEV) ## run the tests, but for the slow ones and other people's clients
	$(BIN)/python -m pytest --numprocesses=4 --dist=loadfile -m "not slow and not clients" $(PYTEST)

slow: $(DEV) ## run the slow tests
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadfile -m "slow and not clients" $(PYTEST)

oldest: $(OLDEST)/.ready ## run the tests on the oldest pandas, streamz, ipywidgets, ... that pyproject.toml allows
	@# without the warnings of that ipywidgets about that ipykernel, and of streamz's groupby about that pandas
	$(OLDEST)/bin/python -m pytest --numprocesses=4 --dist=loadfile -m "not slow and not clients and not browser" \
		-W ignore::DeprecationWarning -W ignore::FutureWarning \
		tests/test_*.py tests/analytics tests/frames tests/jupyter tests/recording tests/streams tests/widgets $(PYTEST)

$(OLDEST)/.ready: pyproject.toml tests/oldest.py | $(BIN)/python
	$(PYTHON) -m venv --clear $(OLDEST)
	$(OLDEST)/bin/python -m tests.oldest > $(OLDEST)/constraints.txt
	$(OLDEST)/bin/python -m pip install --quiet --constraint $(OLDEST)/constraints.txt --editable '.[test]'
	@touch $@

clients: $(DEV) $(CLIENTS) ## run other people's clients on the built-in exchange
	$(BIN)/python -m pytest -m clients tests/clients $(PYTEST)

$(CLIENTS): tests/clients/requirements.txt | $(BIN)/python
	$(PYTHON) -m venv tests/clients/.venv
	tests/clients/.venv/bin/python -m pip install --quiet --requirement $< && touch $@ \
		|| { rm -rf tests/clients/.venv; echo "other people's clients cannot be installed: their tests skip"; }

docs: $(DOCS) ## build the pages of docs/ into build/docs; warnings are errors
	$(BIN)/python -m sphinx --fresh-env --fail-on-warning --keep-going --quiet docs build/docs
	$(BIN)/python docs/check.py build/docs

$(DOCS): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	@touch $@

binder: $(DEV) ## do what Binder does, without Docker: a fresh environment, and every notebook in it
	$(BIN)/python -m binder.check $(BINDER)

lint: $(DEV) types ## check style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: $(DEV) ## put the code in shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: $(DEV)
	$(BIN)/mypy

bench: $(DEV) $(PEERS) ## measure, beside other clients of KuCoin, and print one table
	$(BIN)/python -m benchmarks $(BENCH)

growth: $(DEV) ## measure how cost grows with symbols, levels, connections, ladders and notebooks, and print one table
	$(BIN)/python -m benchmarks.growth $(GROWTH)

faults: $(DEV) ## let everything go wrong that can, over real sockets, and print what became of it as a table
	$(BIN)/python -m tests.faults $(FAULTS)

soak: $(DEV) ## run everything at once for half an hour, with faults
	$(BIN)/python -m benchmarks.soak $(SOAK)

$(PEERS): benchmarks/peers/requirements.txt | $(BIN)/python
	$(PYTHON) -m venv benchmarks/.venv
	benchmarks/.venv/bin/python -m pip install --quiet --requirement $< && touch $@ \
		|| { rm -rf benchmarks/.venv; echo "the other clients cannot be installed: their columns stay empty"; }

sim: $(NOTE) ## run the built-in exchange on port 8080
	$(BIN)/kucoin-stream sim $(SIM)

verify: $(NOTE) ## compare live books with a capture of real traffic, printed as a table
	$(BIN)/kucoin-stream verify $(CAPTURE)
	$(BIN)/kucoin-stream verify $(CAPTURE) --no-key

clean: ## remove what was built, and the environment
	rm -rf $(VENV) benchmarks/.venv tests/clients/.venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
