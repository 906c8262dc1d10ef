# Each recipe is what you would type by hand. `make demo` and `make test` are all a newcomer needs.
PYTHON ?= python3
VENV ?= .venv
JETS ?= 60000
SEED ?= 1
BIN := $(VENV)/bin
export PATH := $(abspath $(BIN)):$(PATH)
export JET_DATA ?= $(CURDIR)/data

.PHONY: help demo test test-challenge lab data lint bench clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -c constraints.txt -e '.[course,test]'
	touch $@

demo: $(VENV)/ready  ## jets, lesson 01, two networks and a baseline on a leaderboard
	./data_download.sh --generate top_tagging --jets $(JETS) --seed $(SEED)
	rm -rf demo && mkdir demo
	JET_DATA=demo/private ./data_download.sh --generate top_tagging --split test --jets $$(($(JETS) * 5 / 8)) --seed $$(python -c 'import secrets; print(secrets.randbits(63))')
	chmod 600 demo/private/top_tagging/test.h5  # it holds the answers
	python -m challenge create demo/challenge --name demo --jets demo/private/top_tagging/test.h5 --seed $(SEED)
	papermill notebooks/01_dnn_on_constituents/01_dnn_on_constituents.ipynb demo/01_dnn_on_constituents.ipynb --cwd demo -p CHALLENGE_JETS challenge/test_jets.h5 -p GROUP demo
	python -m challenge score demo/challenge demo/submission_predictions/*.npy --team demo
	python -m challenge baselines demo/challenge
	python -m challenge board demo/challenge

test: $(VENV)/ready  ## all tests
	python -m pytest

test-challenge: $(VENV)/ready  ## what the challenge stores, where CHALLENGE_DATABASE_URL says
	python -m pytest tests/challenge/store tests/challenge/intake tests/challenge/setup tests/challenge/cli tests/challenge/test_secrecy.py

lab: $(VENV)/ready  ## JupyterLab, as a student sees it
	jupyter lab

data: $(VENV)/ready  ## what samples there are, and which are on this machine
	./data_download.sh

lint: $(VENV)/ready  ## formatting, and notebooks without outputs
	ruff check
	ruff format --check
	nbstripout --verify --keep-id notebooks/*/*.ipynb

bench: $(VENV)/ready  ## timings beside what one would use instead
	for script in benchmarks/*.py; do python $$script; done

clean:  ## remove what was made, but for the data and the environment
	rm -rf demo build *.egg-info .pytest_cache .ruff_cache .hypothesis
