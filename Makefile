# make lab        start JupyterLab on the notebooks
# make test       run every test
# make notebooks  execute the notebooks in place, in order
# make fuzz       damage 10,000 files of each kind and read them; FUZZ_FLAGS='--kind stores --count 100'
# make bench      measure speed, as ratios; BENCH_FLAGS=reading for one benchmark
# The first of these makes the environment in .venv; PYTHON=python3.12 picks another Python (3.11 or newer).

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

# a notebook that is saved keeps pictures in place of widgets, whose state is gone when it is opened again
KEEP_STILLS := --ContentsManager.pre_save_hook=musiclab.lessons.notebooks.before_saving

# JupyterLab refuses to start as root unless told that it is meant
ROOT_FLAG := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: lab test notebooks fuzz bench lint clean

lab: $(READY)
	$(BIN)/jupyter lab --notebook-dir=notebooks $(KEEP_STILLS) $(ROOT_FLAG) $(LAB_FLAGS)

test: $(READY)
	$(BIN)/python -m ruff check -q .
	$(BIN)/python -m ruff format -q --check .
	$(BIN)/python -m pytest -q -n auto --dist worksteal $(TEST_FLAGS)

notebooks: $(READY)
	$(BIN)/python -m musiclab.lessons.notebooks

fuzz: $(READY)
	$(BIN)/python tests/fuzz.py $(FUZZ_FLAGS)

bench: $(READY)
	$(BIN)/python -m benchmarks $(BENCH_FLAGS)

lint: $(READY)
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "musiclab needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv .venv || \
	  { echo "$(PYTHON) has no venv module; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $(READY)

clean:
	rm -rf .venv
