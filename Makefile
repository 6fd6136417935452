# make reproduce [PROFILE=smoke]   the whole paper, every notebook in order
# make test                        unit tests, lint, and the smoke notebooks run again
# make lab | report | data | bench | lock | clean

PROFILE ?= default
CORES ?= all
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
BIN := .venv/bin
export PYTHONWARNINGS = ignore::DeprecationWarning
unexport PYTHONDONTWRITEBYTECODE
# Threads spin briefly before they sleep: asleep at once, a step takes twice as long; spinning for
# long, a second program on the machine makes it 20 times as long.
export GOMP_SPINCOUNT ?= 2000
# Memory given back (glibc) stays with the process for the next tensor: asked for anew, page by
# page, it costs up to a fifth of the time that faces are drawn in.
export MALLOC_MMAP_THRESHOLD_ ?= 33554432
export MALLOC_TRIM_THRESHOLD_ ?= 1073741824
SHELL := /bin/bash
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: reproduce test unit lint notebooks lab report data bench lock clean

# The longest chain of notebooks goes first; begun last, it would end alone.
reproduce: .venv/ready
	@$(BIN)/python -m lib.params $(PROFILE)
	@set -o pipefail; $(BIN)/snakemake --cores $(CORES) --config profile=$(PROFILE) $(SNAKEMAKE) \
		--prioritize outputs/$(PROFILE)/artifacts/11_relation_accuracy.done \
		--quiet progress rules host reason 2>&1 | grep --line-buffered -vE "^(Select|Execute) "
	@$(BIN)/python -m workflow.progress summary $(PROFILE)

test: lint unit notebooks

lint: .venv/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check

unit: .venv/ready
	$(BIN)/pytest tests --ignore tests/numbers

# The executed smoke copies run again from the top, in order, into build/, each with its own number
# of threads (another number rounds differently); then their numbers are compared.
notebooks: .venv/ready
	rm -rf build/outputs
	@set -e; for notebook in outputs/smoke/*.ipynb; do \
		OMP_NUM_THREADS=$$($(BIN)/python -m workflow.pipeline $$notebook) \
		OUTPUTS=$(CURDIR)/build/outputs $(BIN)/pytest --nbval-lax $$notebook; done
	OUTPUTS=$(CURDIR)/build/outputs $(BIN)/pytest tests/numbers

lab: .venv/ready
	$(BIN)/jupyter lab --notebook-dir=notebooks

report: .venv/ready
	$(BIN)/python -m workflow.report $(PROFILE)

data: .venv/ready
	@$(BIN)/python -m lib.datasets $(PROFILE)

bench: .venv/ready
	$(UV) sync --frozen --group bench
	$(BIN)/python -m bench

# The locked environment; uv is brought along where the machine has none.
.venv/ready: pyproject.toml uv.lock | $(if $(findstring .uv,$(UV)),.uv/bin/uv)
	$(UV) sync --frozen
	@touch $@

.uv/bin/uv:
	python3 -m venv .uv
	.uv/bin/pip install --quiet uv

# After a change to pyproject.toml: the lock, and environment.yml from it.
lock:
	$(UV) lock
	$(MAKE) environment.yml

environment.yml: uv.lock
	$(BIN)/python -m workflow.conda $(UV) > $@

clean:
	rm -rf build .snakemake outputs/*/artifacts outputs/*/logs outputs/*/report outputs/*/seed*/{artifacts,logs}
