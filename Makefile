# What a person does with this repository; `make help` lists it. Everything happens in .venv.

VENV := .venv
PY := $(VENV)/bin/python
ATLASTUMOR_TEST_DATA ?= ../shared/data

.DEFAULT_GOAL := help
.PHONY: help setup test demo check coverage bench bench-memory bench-backends bench-layers bench-froc bench-froc-peers bench-surface \
        bench-journey scaling-study bench-batch bench-overlap bench-journal soak-batch soak-cluster bench-synthesis bench-filter bench-diffusion parity evaluate train train-diffusion screenshots \
        package-check clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' Makefile | awk -F': ' '{printf "  make %-16s %s\n", $$1, $$2}'

$(VENV)/.core: pyproject.toml
	@.ci/setup core

$(VENV)/.test: pyproject.toml
	@.ci/setup test

$(VENV)/.bench: pyproject.toml
	@.ci/setup bench

setup: $(VENV)/.test ## make .venv with all that running and testing needs
	@.ci/system-packages

demo: $(VENV)/.core ## outline tumors on a made-up CT and show where the pictures are
	@$(VENV)/bin/atlastumor demo

test: setup ## all checks and all tests
	@.ci/check
	@$(PY) -m pytest -n logical --maxprocesses 4 --dist loadfile

check: $(VENV)/.test ## format, lint, types, versions
	@.ci/check

coverage: setup ## tests with a table of lines not reached
	@$(PY) -m coverage run -m pytest
	@$(PY) -m coverage report

bench: $(VENV)/.bench ## speed, memory and agreement against nnU-Net v2's own predictor
	@$(PY) Testing/Benchmarks/bench.py

bench-memory: $(VENV)/.core ## peak memory against the length of the scan
	@$(PY) Testing/Benchmarks/bench_memory.py

bench-backends: $(VENV)/.core ## what each CPU backend and precision takes for one window
	@$(PY) Testing/Benchmarks/bench_backends.py

bench-layers: $(VENV)/.core ## where OpenVINO's time goes within a window of ResEnc-M
	@$(PY) Testing/Benchmarks/bench_layers.py

bench-froc: $(VENV)/.core ## the sweep over all thresholds against one labeling for each of 50
	@$(PY) Testing/Benchmarks/bench_froc.py

bench-froc-peers: $(VENV)/.core ## our counts against picai_eval's and MONAI's, in an environment of their own
	@$(PY) Testing/Benchmarks/bench_froc_peers.py

bench-surface: $(VENV)/.bench ## surface Dice against DeepMind's own package
	@$(PY) Testing/Benchmarks/bench_surface.py

bench-journey: setup ## the embedded model's maps through AtlasFROC, from the curve to the reviewed truth
	@$(PY) Testing/Benchmarks/bench_journey.py

bench-synthesis: $(VENV)/.test ## every synthesis method in every organ and size: what must hold, and the time
	@$(PY) Testing/Benchmarks/bench_placing.py

bench-filter: $(VENV)/.core ## what the quality filter keeps of synthetic tumors, and of broken ones
	@$(PY) Testing/Benchmarks/bench_filter.py

bench-diffusion: $(VENV)/.test ## how long the embedded diffusion model takes for a tumor of 20 mm
	@$(PY) Testing/Benchmarks/bench_diffusion.py

parity: $(VENV)/.bench ## imported models of nnU-Net and MONAI beside nnU-Net and MONAI themselves
	@PYTHONPATH=Testing $(PY) -m Parity.parity

bench-training: $(VENV)/.core ## speed, waiting and memory of training over 500 steps
	@$(PY) Testing/Benchmarks/bench_training.py

scaling-study: $(VENV)/.core ## accuracy against the number of phantoms, with synthetic tumors and without
	@$(PY) Testing/Benchmarks/scaling_phantoms.py build/scaling-study --device cpu --threads 1

bench-batch: $(VENV)/.test ## what the stages of a cohort take, and what follows for clusters
	@$(PY) Testing/Benchmarks/bench_batch.py

bench-overlap: $(VENV)/.core ## time of a batch against the engine's time of single runs
	@$(PY) Testing/Benchmarks/bench_overlap.py

bench-journal: $(VENV)/.core ## start, resumption and status of 10,000 cases
	@$(PY) Testing/Benchmarks/bench_journal.py

soak-batch: $(VENV)/.core ## 200 cases while runner and workers are killed at random
	@$(PY) Testing/Benchmarks/soak_batch.py -- --no-report --retries 5

soak-cluster: $(VENV)/.test ## a cohort on two hosts whose workers, scheduler, runner and cable die at random (root)
	@$(PY) Testing/Benchmarks/soak_cluster.py

evaluate: $(VENV)/.core ## measure the embedded model on held-out phantoms and shared scans
	@$(PY) -m atlastumor.evaluation phantoms
	@test ! -d "$(ATLASTUMOR_TEST_DATA)" || $(PY) -m atlastumor.evaluation scans "$(ATLASTUMOR_TEST_DATA)"

# Training allocates the same large tensors in every step; glibc would return and clear them each time.
KEEP_MEMORY = MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=8589934592 THP_MEM_ALLOC_ENABLE=1

train: $(VENV)/.core ## retrain the embedded model (hours)
	@OMP_NUM_THREADS=$$((($$(nproc) + 1) / 2)) $(KEEP_MEMORY) \
	  $(PY) -m torch.distributed.run --standalone --nproc-per-node 2 -m atlastumor.training
	@$(PY) -m atlastumor.evaluation --update-card thresholds
	@$(PY) -m atlastumor.evaluation --update-card ranges

train-diffusion: $(VENV)/.core ## retrain the embedded diffusion model, on the same phantoms
	@$(KEEP_MEMORY) $(PY) -m atlastumor.training.diffusion

screenshots: setup ## redraw Resources/Screenshots with the test host
	@$(PY) Testing/Slicer/render_screenshots.py

package-check: setup ## configure, build and install the extension against a stub Slicer
	@$(PY) -m pytest Testing/Packaging

clean: ## remove what the tools made, .venv included
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
