# Orbit Painter. `make demo` and `make test` need nothing but Python 3.11; everything else is installed into .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python
INSTALL := $(RUN) -m pip install -q --disable-pip-version-check --require-hashes --only-binary :all:
OUT ?= out/demo

.PHONY: demo test test-real-blender test-compat lint bench tables small-orbitpainter gpu-check docs screenshots extension repository licences sbom lock blender-packages clean

# Fails with a sentence that says what to install where the bpy module finds no system libraries.
BLENDER_LOADS = @$(RUN) -c 'import bpy' 2>/dev/null || \
	$(RUN) backend/cli.py generate --dry-run --mesh examples/sample.glb --out $(OUT)

demo: $(VENV)/run.stamp  ## texture the sample object from its reference picture
	$(RUN) backend/cli.py generate --mesh examples/sample.glb --reference examples/reference.png --out $(OUT)
	@echo "Results are in $(OUT): open sample.blend or sample.glb, turntable.mp4, still.png and contact_sheet.png."

test: $(VENV)/dev.stamp $(VENV)/neural.stamp  ## everything that needs no GPU; the quick tests first
	$(BLENDER_LOADS)
	$(RUN) -m pytest -q -n 2 -m "not slow and not real_blender" tests
	$(RUN) -m pytest -q -n 2 -m "slow and not real_blender" tests

test-real-blender: $(VENV)/dev.stamp  ## what needs a Blender program (REAL_BLENDER names the command)
	$(RUN) -m pytest -q -m real_blender tests

# The add-on's tests in the bpy modules of other Blender versions, each in an environment of its own. From 5.1 on that is
# one of Python 3.13, and left out where there is none.
COMPAT := 4.2 5.0
COMPAT_313 := 5.2
PYTHON313 ?= $(shell python3.13 -c 'import sys; print(sys.executable)' 2>/dev/null)
TRIED := $(COMPAT) $(if $(PYTHON313),$(COMPAT_313))
NO_EXIT := "import os, sys, pytest; os._exit(pytest.main(sys.argv[1:]))"  # bpy 4.2 crashes when Python ends
test-compat: $(TRIED:%=.compat/%/stamp)  ## what touches Blender, in Blender 4.2, 5.0 and 5.2 (about 1.5 GB of downloads)
	for version in $(TRIED); do .compat/$$version/bin/python -c $(NO_EXIT) -q -m "not real_blender" tests/addon || exit 1; done
	$(if $(PYTHON313),,@echo "Blender $(COMPAT_313) was left out: there is no Python 3.13 (PYTHON313=/path/to/python3.13).")

.compat/%/stamp: requirements/bpy-%.txt
	$(if $(filter $*,$(COMPAT_313)),$(PYTHON313),$(PYTHON)) -m venv .compat/$*
	.compat/$*/bin/python -m pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r $<
	@touch $@

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright

bench: $(VENV)/dev.stamp  ## figures as ratios, measured side by side; prints the tables of docs/benchmarks.md
	$(RUN) backend/cli.py bench

tables: SHELL := bash
tables: .SHELLFLAGS := -o pipefail -c
tables: small-orbitpainter  ## the papers' tables with what is here, in out/tables/tables.md with pictures beside it, and goes on where it was stopped; hours on two cores
	{ cat out/tables/training/ablation/ablation.md && echo && $(RUN) backend/cli.py bench drift frames; } | tee out/tables/tables.md

small-orbitpainter: $(VENV)/dev.stamp $(VENV)/neural.stamp  ## the part of `tables` that trains a small OrbitPainter with and without each part; fifty minutes on one idle core
	$(DATA) --count 400 --colourings 4 --first 4000 --out out/tables/training/data
	$(DATA) --count 24 --out out/tables/training/held-out
	$(RUN) backend/cli.py train ablation --data out/tables/training/data --held-out out/tables/training/held-out \
		--set data.latents=out/tables/training/latents --set run.steps=1000 --set run.sample_every=0 --out out/tables/training/ablation

DATA := $(RUN) backend/cli.py dataset render --source procedural --patterns noise,dirt,dust,wear --views 6,6 --size 128 \
	--references 1,1,1 --max-angle 0 --max-elevation 0 --no-material

gpu-check: SHELL := bash
gpu-check: .SHELLFLAGS := -o pipefail -c
gpu-check: $(VENV)/dev.stamp $(VENV)/neural.stamp  ## what needs a GPU: tables with hardware and date for docs/benchmarks.md, kept in out/gpu-check.md; about an hour
	mkdir -p out
	$(RUN) backend/cli.py bench gpu network | tee out/gpu-check.md

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "Python 3.11 is needed (bpy has no wheel for others); set PYTHON=/path/to/python3.11."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements/blender.txt | $(VENV)/bin/python
	$(INSTALL) -r $<
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt | $(VENV)/bin/python
	$(INSTALL) -r $<
	@touch $@ $(VENV)/run.stamp

# A plain index gives the torch build of this machine's kind; torch is installed first so that the lock adds nothing to it.
# train.txt is neural.txt and what training needs beside it.
$(VENV)/neural.stamp: requirements/train.txt | $(VENV)/dev.stamp
	$(RUN) -m pip install -q --disable-pip-version-check torch==2.13.0
	$(INSTALL) -r $<
	@touch $@

# torch comes from the index of the user's device (CPU, CUDA, ...), so it and its CUDA packages stay out of the lock.
NO_TORCH := $(addprefix --no-emit-package=,cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas nvidia-cuda-cupti nvidia-cuda-nvrtc \
	nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand nvidia-cusolver \
	nvidia-cusparse nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvjitlink nvidia-nvshmem-cu13 \
	nvidia-nvtx torch triton)
COMPILE := $(BIN)/uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-emit-index-url \
	--no-annotate --no-header pyproject.toml
# What an engine has beside neural.txt: torch for its device, and nothing that neural.txt has already.
PYTORCH_CPU ?= https://download.pytorch.org/whl/cpu
COMPILE_TORCH := $(subst pyproject.toml,-c requirements/neural.txt,$(COMPILE)) --index-strategy unsafe-best-match \
	$(addprefix --no-emit-package=,filelock fsspec jinja2 markupsafe mpmath networkx setuptools sympy typing-extensions)
lock: | $(VENV)/bin/python  ## resolve pyproject.toml again into requirements/, one hashed file a group
	$(RUN) -m pip install -q uv
	$(COMPILE) -o requirements/core.txt
	$(COMPILE) --group blender -o requirements/blender.txt
	$(COMPILE) --group blender --group dev -o requirements/dev.txt
	$(BIN)/uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-annotate \
		--no-header --no-emit-package=numpy --group blender-program -o requirements/blender-program.txt
	$(COMPILE) --group neural $(NO_TORCH) -o requirements/neural.txt
	$(COMPILE) --group neural --group train $(NO_TORCH) -o requirements/train.txt
	$(COMPILE_TORCH) --index $(PYTORCH_CPU) requirements/torch-cpu.in -o requirements/torch-cpu.txt
	$(COMPILE_TORCH) requirements/torch-cuda.in -o requirements/torch-cuda.txt
	printf 'uv\npip\n' | $(subst pyproject.toml,-,$(COMPILE)) -o requirements/tools.txt
	for version in $(COMPAT); do echo "bpy==$$version.*" | $(COMPILE) - --group compat -o requirements/bpy-$$version.txt; done
	for version in $(COMPAT_313); do printf "bpy==$$version.*\nPillow>=11\nscipy>=1.11\n" | $(subst 3.11,3.13,$(subst pyproject.toml,-,$(COMPILE))) \
		--group pyproject.toml:compat -o requirements/bpy-$$version.txt; done

licences: $(VENV)/dev.stamp  ## docs/licences.md: every package of the locks, its version and licence
	$(RUN) packaging/licences.py

sbom: $(VENV)/dev.stamp  ## dist/sbom.json: the same with the hashes of all files, for a release (CycloneDX)
	$(RUN) packaging/sbom.py

screenshots: $(VENV)/dev.stamp  ## the screenshots of the user guide, from a Blender with its interface
	$(RUN) docs/make_screenshots.py

docs: demo  ## the pictures of README and guides, from a real run
	$(RUN) docs/make_pictures.py $(OUT)

extension: $(VENV)/run.stamp  ## dist/orbit_painter-VERSION.zip, checked by Blender's own validator
	$(RUN) packaging/extension.py build

repository: $(VENV)/run.stamp  ## dist/repository/, for any web server: Blender adds the address of its index.json
	$(RUN) packaging/extension.py repository

# BLENDER names the program; its own Python gets what makes the same results faster, in .packages/<version>.
BLENDER ?= blender
blender-packages: | $(VENV)/bin/python
	@version=$$($(BLENDER) -b --python-exit-code 1 --python-expr \
		'import sys; print("PYTHON %d.%d" % sys.version_info[:2])' | sed -n 's/^PYTHON //p') && test -n "$$version" || \
		{ echo "$(BLENDER) could not be asked for its Python; set BLENDER=/path/to/blender."; exit 1; }; \
	$(INSTALL) --no-deps --upgrade --python-version $$version --target .packages/$$version \
		-r requirements/blender-program.txt && echo "Installed for Blender's Python $$version."

clean:
	rm -rf $(VENV) .compat .packages out dist .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
