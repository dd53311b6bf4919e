# make lab          open the lessons in JupyterLab (options: LAB_FLAGS=--port=9000)
# make test         check the code style and run the tests, without the slow ones (all lessons from clean kernels, ...)
# make test-all     the same with the slow tests, as CI does
# make test-newest  run all tests with the newest packages that pyproject.toml allows, in .venv-newest
# make notebooks    execute all notebooks in place, in order
# make assignment   write an assignment of a lesson or task, for each seed: make assignment N=05 SEED="1187 2040"
# make fuzz         read 10,000 damaged files of each kind (fewer: FUZZ_FLAGS='--kind stores --count 100')
# make book         build the lessons, the guide and the reference as a website in build/book
# make slides       build the slides of each lesson in build/slides (the book contains them, too)
# make bench        compare speed with other code (one benchmark only: BENCH_FLAGS=reading)
# make lint         fix the code style where ruff can
# The first command also creates the environment in .venv. PYTHON=python3.12 selects another Python (3.11 or newer).

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
NEWEST := .venv-newest/bin/python

# librosa compiles functions when it is first imported. Two processes that do so at once can leave a compiled file
# that crashes every later one (numba issue 10128), so one process compiles them before the tests.
COMPILE_LIBROSA := -c 'import librosa.beat, librosa.core.audio, librosa.core.pitch, librosa.util.utils'

.PHONY: lab test test-all test-newest notebooks assignment fuzz book slides bench lint clean

lab: $(READY)
	$(BIN)/musiclab lab -- $(LAB_FLAGS)

test: override TEST_FLAGS += -m 'not slow'
test test-all: $(READY)
	$(BIN)/python -m ruff check -q .
	$(BIN)/python -m ruff format -q --check .
	$(BIN)/python -m pytest -q -n auto --dist worksteal $(TEST_FLAGS)

test-newest:
	$(PYTHON) -m venv --clear .venv-newest
	$(NEWEST) -m pip install --quiet --disable-pip-version-check --upgrade --upgrade-strategy eager \
	  -e '.[lessons,dask,export,book,test]'
	$(NEWEST) $(COMPILE_LIBROSA)
	$(NEWEST) -m pytest -q -n auto --dist worksteal $(TEST_FLAGS) \
	  --deselect tests/test_packaging.py::test_the_tests_pass_in_the_environment_that_is_pinned

notebooks: $(READY)
	$(BIN)/python -m musiclab.lessons.notebooks

assignment: $(READY)
	$(BIN)/python -m musiclab.lessons.assignments $(N) $(SEED)

fuzz: $(READY)
	$(BIN)/python tests/fuzz.py $(FUZZ_FLAGS)

book: $(READY)
	rm -rf build/book build/doctrees
	$(BIN)/python -m sphinx -q -W --keep-going -d build/doctrees -c docs . build/book
	@echo "open build/book/index.html"

slides: $(READY)
	rm -rf build/slides
	$(BIN)/python docs/decks.py build/slides
	@echo "open build/slides/00.html"

bench: $(READY)
	$(BIN)/python -m benchmarks $(BENCH_FLAGS)

lint: $(READY)
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than Python 3.11, which musiclab needs. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv .venv || \
	  { echo "$(PYTHON) has no venv module. On Debian and Ubuntu, install it: apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python $(COMPILE_LIBROSA)
	@$(BIN)/musiclab encoders --fetch > /dev/null || echo "musicnn was not fetched, so lesson 12 leaves it out."
	@touch $(READY)

clean:
	rm -rf .venv .venv-newest
