# make reproduce [PROFILE=smoke]   the whole paper: every notebook, in order
# make test                        lint, unit tests, and the smoke notebooks run again
# make lab | photos | report | data | bench | lock | clean

PROFILE ?= default
CORES ?= all
INSTALL ?= uv
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
BIN := .venv/bin
SHELL := /bin/bash

# The project's own library and kernel are used, whatever the user's environment names.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONPATH := $(CURDIR)
export PYTHONUTF8 := 1
export PYTHONNOUSERSITE := 1
export JUPYTER_PREFER_ENV_PATH := 1
export IPYTHONDIR := $(CURDIR)/$(BIN)/../ipython
unexport PYTHONHOME PYTHONSTARTUP PYTHONDONTWRITEBYTECODE PYTHONOPTIMIZE PYTHONSAFEPATH
unexport JUPYTER_PATH JUPYTER_CONFIG_PATH JUPYTER_CONFIG_DIR MPLBACKEND

export PYTHONWARNINGS = ignore::DeprecationWarning
# Threads wait actively for a short time before they sleep: without it a step takes twice as long,
# with a long time a second program on the machine makes it 20 times as long.
export GOMP_SPINCOUNT ?= 2000
# Freed memory stays with the process for the next tensor (glibc): to ask for it anew, page by page,
# takes up to a fifth of the time of rendering faces.
export MALLOC_MMAP_THRESHOLD_ ?= 33554432
export MALLOC_TRIM_THRESHOLD_ ?= 1073741824

.PHONY: reproduce test unit test-slow lint notebooks lab photos report data bench lock clean

reproduce: .venv/ready
	@$(BIN)/python -m workflow.watch workflow.reproduce $(PROFILE) $(CORES) $(SNAKEMAKE)

test: lint unit notebooks

lint: .venv/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/mypy

unit: .venv/ready
	$(BIN)/pytest tests --ignore tests/numbers -m "not slow" -n auto --dist loadfile

# The whole pipeline is killed, its files damaged, and it is run again: half an hour.
test-slow: .venv/ready
	$(BIN)/pytest tests -m slow

# The executed smoke copies run again into build/; then their numbers are compared.
notebooks: .venv/ready
	rm -rf build/outputs
	OUTPUTS="$(CURDIR)/build/outputs" $(BIN)/python -m workflow.watch workflow.validate
	OUTPUTS="$(CURDIR)/build/outputs" $(BIN)/pytest tests/numbers

# As root, as in most containers, JupyterLab wants the flag --allow-root and gets it. Other options:
# make lab LAB="--ip=0.0.0.0 --no-browser".
lab: .venv/ready
	$(BIN)/jupyter lab --notebook-dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB)

# What trained networks say about the photographs in data/photos: see outputs/photos. Another
# folder: make photos PHOTOS="/home/me/my pictures".
photos: .venv/ready
	@$(BIN)/python -m workflow.photos "$(PHOTOS)"

report: .venv/ready
	$(BIN)/python -m workflow.report $(PROFILE)

data: .venv/ready
	@$(BIN)/python -m lib.data.datasets $(PROFILE)

bench: .venv/ready
	$(UV) sync --frozen --group bench
	$(BIN)/python -m bench

# The locked environment: by uv, or with INSTALL=pip by pip and its index, which may be a mirror
# (uv takes addresses from the lock). The project root comes first on its path, also for kernels
# started without make. uv is installed into .uv where the machine has none.
.venv/ready: pyproject.toml uv.lock | $(if $(findstring .uv/,$(UV)),$(if $(filter uv,$(INSTALL)),.uv/bin/uv))
ifeq ($(INSTALL),pip)
	python3 -m venv .venv
	$(BIN)/pip install --quiet -r requirements.txt
else
	$(UV) sync --frozen
endif
	$(BIN)/python -c "import os, sysconfig; \
		path = open(sysconfig.get_path('purelib') + '/project.pth', 'w', encoding='utf-8'); \
		path.write('import sys; sys.path.insert(0, %r)\n' % os.getcwd())"
	@touch $@

# Without python3-venv: by pip alone.
.uv/bin/uv:
	@{ python3 -m venv .uv && .uv/bin/pip install --quiet uv; } || \
		python3 -m pip install --quiet --target .uv uv || { rm -rf .uv; \
		echo "uv could not be installed: the package index did not answer, or python3 has neither venv" \
			"nor pip (then install python3-venv, or uv: https://docs.astral.sh/uv)"; \
		exit 1; }

# After a change to pyproject.toml: the lock, and requirements.txt from it, for conda and pip. With
# `===` pip does not take torch from a second index in another build (2.13.0+cpu) than torchvision.
lock:
	$(UV) lock
	$(UV) export --frozen --no-hashes --no-annotate --no-header --no-emit-project \
		| sed -E -e "s/^(torch|torchvision)==/\1===/" -e "s/ (;|and) \(?\(platform_machine == 'arm64' and sys_platform == 'darwin'\) or sys_platform == 'linux'\)?$$//" \
		> requirements.txt

clean:
	rm -rf build .snakemake outputs/*/artifacts outputs/*/logs outputs/*/report outputs/*/seed*/{artifacts,logs}
