# make reproduce [PROFILE=smoke]   the whole paper: every notebook, in order
# make test                        lint, unit tests, and the smoke notebooks run again
# make lab | report | data | bench | lock | clean

PROFILE ?= default
CORES ?= all
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
BIN := .venv/bin
SHELL := /bin/bash

# The project's own library and kernel are used, whatever the user's environment names.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONPATH := $(CURDIR)
export JUPYTER_PREFER_ENV_PATH := 1
unexport PYTHONHOME PYTHONSTARTUP PYTHONDONTWRITEBYTECODE JUPYTER_PATH JUPYTER_CONFIG_PATH

export PYTHONWARNINGS = ignore::DeprecationWarning
# Threads wait actively for a short time before they sleep: without it a step takes twice as long,
# with a long time a second program on the machine makes it 20 times as long.
export GOMP_SPINCOUNT ?= 2000
# Freed memory stays with the process for the next tensor (glibc): to ask for it anew, page by page,
# takes up to a fifth of the time of rendering faces.
export MALLOC_MMAP_THRESHOLD_ ?= 33554432
export MALLOC_TRIM_THRESHOLD_ ?= 1073741824

.PHONY: reproduce test unit lint notebooks lab report data bench lock clean

# The longest chain of notebooks starts first.
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
	$(BIN)/lint-imports
	$(BIN)/mypy

unit: .venv/ready
	$(BIN)/pytest tests --ignore tests/numbers -m "not slow"

# The executed smoke copies run again, in order, into build/, each with the number of threads of its
# rule, since another number rounds differently; then their numbers are compared.
notebooks: .venv/ready
	rm -rf build/outputs
	@set -e; for notebook in outputs/smoke/*.ipynb; do \
		OMP_NUM_THREADS=$$($(BIN)/python -m workflow.pipeline "$$notebook") \
		OUTPUTS="$(CURDIR)/build/outputs" $(BIN)/pytest --nbval-lax "$$notebook"; done
	OUTPUTS="$(CURDIR)/build/outputs" $(BIN)/pytest tests/numbers

# As root, as in most containers, JupyterLab wants the flag --allow-root and gets it. Other options:
# make lab LAB="--ip=0.0.0.0 --no-browser".
lab: .venv/ready
	$(BIN)/jupyter lab --notebook-dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB)

report: .venv/ready
	$(BIN)/python -m workflow.report $(PROFILE)

data: .venv/ready
	@$(BIN)/python -m lib.data.datasets $(PROFILE)

bench: .venv/ready
	$(UV) sync --frozen --group bench
	$(BIN)/python -m bench

# The locked environment. The project root is added to its path, for kernels started without make.
# uv is installed into .uv where the machine has none.
.venv/ready: pyproject.toml uv.lock | $(if $(findstring .uv,$(UV)),.uv/bin/uv)
	$(UV) sync --frozen
	$(BIN)/python -c "import os, sysconfig; \
		open(sysconfig.get_path('purelib') + '/project.pth', 'w').write(os.getcwd() + '\n')"
	@touch $@

.uv/bin/uv:
	python3 -m venv .uv
	.uv/bin/pip install --quiet uv

# After a change to pyproject.toml: the lock, and requirements.txt from it, for conda and pip.
lock:
	$(UV) lock
	$(UV) export --frozen --no-hashes --no-annotate --no-header --no-emit-project \
		| sed -E "s/ (;|and) \(?sys_platform == 'darwin' or sys_platform == 'linux'\)?$$//" \
		> requirements.txt

clean:
	rm -rf build .snakemake outputs/*/artifacts outputs/*/logs outputs/*/report outputs/*/seed*/{artifacts,logs}
