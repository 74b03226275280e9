# `make demo` shows it, `make test` checks it; each sets up everything it needs.
PYTHON ?= python3
SERVE := .venv-serve
DEV := .venv-dev

.DEFAULT_GOAL := help
.PHONY: help demo test test-all bench lint proto clean

help: ## say what can be made
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

demo: $(SERVE)/installed ## show it on sample media, or on your own with MEDIA=dir; leaves demo/contact-sheet.html
	$(SERVE)/bin/anybind demo $(if $(MEDIA),--media "$(MEDIA)") --out demo

test: $(DEV)/installed ## install what tests need and run them, in a few minutes
	$(DEV)/bin/ruff check .
	$(DEV)/bin/lint-imports
	$(DEV)/bin/python -m pytest

test-all: $(DEV)/installed ## the same with the slow ones
	$(DEV)/bin/python -m pytest -m "slow or not slow"

bench: $(DEV)/installed ## measure serving beside the raw loop, as ratios; ten minutes on an idle machine
	$(DEV)/bin/python benchmarks/serving.py

lint: $(DEV)/installed ## check style and the arrows between the rooms
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/lint-imports

proto: $(DEV)/installed ## write the stubs from proto/v1/*.proto again
	$(DEV)/bin/python proto/generate.py

clean: ## remove the environments and what the demo made
	rm -rf $(SERVE) $(DEV) demo build *.egg-info

$(SERVE)/installed: pyproject.toml
	$(PYTHON) -m venv $(SERVE)
	$(SERVE)/bin/pip install --quiet --editable '.[server]'
	touch $@

$(DEV)/installed: pyproject.toml
	$(PYTHON) -m venv $(DEV)
	$(DEV)/bin/pip install --quiet --editable '.[dev]'
	touch $@
