# bulkhead.docker: everything a developer types. `make` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
VENV := $(CURDIR)/.venv/bin
LAB := $(CURDIR)/tests/lab/lab
export PATH := $(VENV):$(PATH)
export ANSIBLE_NOCOWS := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast lint sanity unit molecule bench screenshot docs lock lab-clean clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup:  ## virtual environment with the pinned tools (the other targets do this by themselves)
	@tools/setup

demo: setup  ## a throwaway Docker host: audited, hardened, audited again, with a report to open
	@tools/demo

test: setup  ## everything: lint, sanity, unit tests, real engines, bench; what CI runs
	@tools/test

test-fast: setup lint unit  ## linters and unit tests: no Docker, no root

lint: setup  ## ruff, mypy, yamllint, ansible-lint, documentation lint
	@tools/lint

sanity: setup  ## ansible-test sanity
	@$(VENV)/python tools/sanity

unit: setup  ## unit tests
	@pytest --numprocesses 2

molecule: setup  ## scenarios on real engines; SCENARIO=name for one
	@tools/molecule $(SCENARIO)

bench: setup  ## time and memory of the audit beside a raw loop of the same calls
	@tools/bench

screenshot: demo  ## the pictures of the README, from the demo's report
	@tools/screenshot build/demo/after docs/images

docs: setup  ## regenerate what is generated: docs/controls.md
	@$(VENV)/python tools/control-catalogue

lock:  ## pin the newest development tools in requirements-dev.txt
	@tools/lock

lab-clean:  ## stop the lab and remove its hosts, images and cache
	@$(LAB) clean

clean: lab-clean  ## lab-clean, and the virtual environment and build files of this checkout
	@rm -rf .venv build tests/output
