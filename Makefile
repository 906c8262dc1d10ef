# Each recipe is what you would type by hand. A newcomer needs `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
JETS ?= 10000
SEED ?= 1
# The versions to install; empty (CONSTRAINTS= make test) for the newest that pyproject.toml allows.
CONSTRAINTS ?= constraints.txt
# pip, or uv where it is installed, which is several times as fast; UV= for pip. Python compiles
# what is imported, when it first is, not all that is installed; so it must be able to keep that,
# which many container images forbid.
UV ?= $(shell command -v uv)
unexport PYTHONDONTWRITEBYTECODE
# Without pins: a version with a wheel for this machine, before a newer one that must be compiled.
PIP := pip install --prefer-binary --no-compile
# uv does not read pip's settings: the indexes, and that the best version may be on any of them.
export UV_INDEX ?= $(PIP_EXTRA_INDEX_URL)
export UV_INDEX_STRATEGY ?= unsafe-best-match
WORKERS ?= logical
# Each worker computes on one core: more threads than cores only wait for each other.
ONE_THREAD := OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1
OLDEST_TESTS := tests/course_utils/test_files.py $(addprefix tests/course_utils/,jetfile samples simulation metrics) $(addprefix tests/challenge/,scoring store intake board setup)
BIN := $(VENV)/bin
export PATH := $(abspath $(BIN)):$(PATH)
export JET_DATA ?= $(CURDIR)/data

# What runs in `$(1)`, a virtual environment, to install the rest of the line.
install_in = $(if $(UV),$(UV) pip install --python $(1)/bin/python,$(1)/bin/$(PIP))

.PHONY: help install demo test test-challenge test-oldest lab hub site data lint constraints bench clean python

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

# Words that Python 2 understands, too.
python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:3]; sys.exit(not (3, 11, 5) <= v < (3, 14) and "The course needs Python 3.11.5 to 3.13, and $(PYTHON) is %d.%d.%d: make PYTHON=/path/to/python3.11 ..." % v)'

$(VENV)/demo-ready: pyproject.toml $(CONSTRAINTS) | python
	$(PYTHON) -m venv $(VENV)
	$(call install_in,$(VENV)) $(addprefix -c ,$(CONSTRAINTS)) -e '.[demo]'
	touch $@

$(VENV)/ready: pyproject.toml $(CONSTRAINTS) | python
	$(PYTHON) -m venv $(VENV)
	$(call install_in,$(VENV)) $(addprefix -c ,$(CONSTRAINTS)) -e '.[course,test]'
	touch $(VENV)/demo-ready $@

install: $(VENV)/ready  ## build the environment in .venv, nothing else

demo: $(VENV)/demo-ready  ## make jets, run lesson 01, put its networks on a leaderboard
	./data_download.sh --generate top_tagging --jets $(JETS) --seed $(SEED)
	rm -rf demo && mkdir demo
	JET_DATA=demo/private ./data_download.sh --generate top_tagging --split test --jets $$(($(JETS) * 5 / 8)) --seed $$(python -c 'import secrets; print(secrets.randbits(63))')
	chmod 600 demo/private/top_tagging/test.h5  # it holds the answers
	python -m challenge create demo/challenge --name demo --jets demo/private/top_tagging/test.h5 --seed $(SEED)
	papermill notebooks/01_dnn_on_constituents/01_dnn_on_constituents.ipynb demo/01_dnn_on_constituents.ipynb --cwd demo -p CHALLENGE_JETS challenge/test_jets.h5 -p GROUP demo
	python -m challenge score demo/challenge demo/submission_predictions/*.npy --team demo --new-team
	python -m challenge baselines demo/challenge
	python -m challenge board demo/challenge

test: $(VENV)/ready  ## run all tests, on all cores (WORKERS=0: in one process)
	$(ONE_THREAD) python -m pytest -n $(WORKERS) --maxprocesses 4 --no-loadscope-reorder --durations 30

test-challenge: $(VENV)/ready  ## test the challenge on the database that CHALLENGE_DATABASE_URL names
	$(ONE_THREAD) python -m pytest -n $(WORKERS) --maxprocesses 4 tests/challenge/store tests/challenge/intake tests/challenge/setup tests/challenge/cli tests/challenge/test_secrecy.py --ignore tests/challenge/setup/test_baselines.py --ignore tests/challenge/cli/test_locale.py

test-oldest: | python  ## test what needs no lesson with the oldest versions that pyproject.toml allows
	$(PYTHON) -m venv build/oldest
	build/oldest/bin/$(PIP) uv  # pip cannot choose the oldest
	build/oldest/bin/uv pip install --python build/oldest/bin/python --resolution lowest-direct -e '.[simulation,images,cms,test]'
	$(ONE_THREAD) PATH=$(abspath build/oldest/bin):$(PATH) build/oldest/bin/python -m pytest -n $(WORKERS) --maxprocesses 4 --no-loadscope-reorder -W default::DeprecationWarning $(OLDEST_TESTS)

lab: $(VENV)/ready  ## open JupyterLab, as a student sees it
	jupyter lab

hub: $(VENV)/ready  ## start a hub on this machine: lab, lesson, challenge, board; Ctrl-C ends it
	python deploy/hub/demo $(HUB_OPTIONS)

site: $(VENV)/ready  ## build the pages that show the course; each lesson is run once (SITE_OPTIONS=--no-run: none)
	python docs/site $(SITE_OPTIONS)

data: $(VENV)/demo-ready  ## list the samples, and which are on this machine
	./data_download.sh

lint: $(VENV)/ready  ## check style, imports between rooms, stored notebooks and CI files
	ruff check
	ruff format --check
	lint-imports
	nbstripout --verify --keep-id notebooks/*/*.ipynb
	check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	check-jsonschema --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci .gitlab-ci.yml

constraints:  ## renew constraints.txt: the newest versions that pyproject.toml allows
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "The pins are those of the oldest supported Python: make constraints PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv --clear build/newest
	build/newest/bin/$(PIP) -e '.[course,test]'
	sed -n '/^[^#]/q;p' constraints.txt > build/constraints.txt
	build/newest/bin/pip freeze --all --exclude pip --exclude-editable > build/frozen.txt
	sed 's/+[^+]*$$//' build/frozen.txt | tr A-Z a-z | LC_ALL=C sort >> build/constraints.txt
	mv build/constraints.txt constraints.txt

bench: $(VENV)/ready  ## time the course beside the usual alternatives
	for script in benchmarks/*.py; do python $$script; done

clean:  ## remove what these commands made, except the data and the environment
	rm -rf demo build *.egg-info .pytest_cache .ruff_cache .hypothesis
