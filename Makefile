# The commands of the project. `make` lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo paper report test lint format docs ui mlflow-server status costs release-diff paper-diff receive request answer reader-study reader-results terms sources gpu-check withdraw purge clean

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true
export HF_HUB_DISABLE_TELEMETRY := 1

STORE := results/mlflow
PORT ?= 5000
HOST ?= 127.0.0.1
CONFIG ?= config/config.yaml
WORKERS ?= 2
FAST := $(wildcard tests/unit tests/golden tests/reference)
LONG := $(wildcard tests/workflow tests/integration tests/slurm)
CHECKS := tests/workflow/test_lint.py tests/workflow/test_contracts.py

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## .venv from the lock, and the command-line tools where they can be installed
	@envs/setup.sh

demo: setup ## the demonstration: synthetic eyes with decisions, a read-removal benchmark, and how they came about
	snakemake --cores all --set-scatter sample=2 --rerun-incomplete

paper: setup ## figures and tables of the paper rebuilt on open data: results/papers/avatar/index.html (docs/papers.md)
	snakemake --cores all --rerun-incomplete --configfile config/paper.yaml -- papers

report: setup ## one self-contained HTML page over the demonstration's results
	snakemake --cores 1 --report results/report.html

# one worker more for the long tests: one of them waits for a cluster most of its time
test: setup ## every check and test, the quick ones first; says what was skipped and why
	pytest -n $(WORKERS) $(CHECKS)
	OMP_NUM_THREADS=1 pytest -n $(WORKERS) $(FAST)
	OMP_NUM_THREADS=1 pytest -n $$(($(WORKERS) + 1)) --durations=20 --durations-min=20 --dist loadgroup --no-loadscope-reorder $(LONG) $(CHECKS:%=--ignore=%)

lint: setup ## style, types and contracts only
	pytest -q -n $(WORKERS) $(CHECKS)

format: setup ## put code and rules into the project's layout
	ruff check --fix-only --quiet .
	ruff format .
	snakefmt workflow

docs: setup ## write the key tables of config/README.md and the lists of docs/sources.md
	PYTHONPATH=workflow/scripts python -m avatarflow.config.docs
	PYTHONPATH=workflow/scripts python -m avatarflow.catalogue.page

ui: setup ## MLflow in the browser, on this machine only (PORT=5000)
	@test -f $(STORE)/mlflow.db || { echo "$(STORE)/mlflow.db: not there yet; run make demo first" >&2; exit 1; }
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow server --host 127.0.0.1 --port $(PORT) --workers 1 \
	  --backend-store-uri sqlite:///$(STORE)/mlflow.db --default-artifact-root $(STORE)/artifacts

mlflow-server: setup ## MLflow for a team: DATABASE=mysql+pymysql://user:password@host/name ARTIFACTS=/shared/folder HOST=0.0.0.0
	@test -n "$(DATABASE)" -a -n "$(ARTIFACTS)" || { echo "make mlflow-server: no DATABASE or no ARTIFACTS; see docs/cluster.md" >&2; exit 1; }
	@MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false MLFLOW_BACKEND_STORE_URI="$(DATABASE)" \
	  mlflow server --host $(HOST) --port $(PORT) --artifacts-destination "$(ARTIFACTS)"

status: ## what runs where, how far it is and when it is done
	@PYTHONPATH=workflow/scripts python -m avatarflow.runs.status

costs: ## time and memory per rule of what ran here, to size requests with: results/costs.tsv, results/costs.png
	@PYTHONPATH=workflow/scripts python -m avatarflow.runs.costs

release-diff: ## what differs between two releases: A=results/releases/<name> B=/archive/<name>
	@PYTHONPATH=workflow/scripts python -m avatarflow.release.compare "$(A)" "$(B)"

paper-diff: ## what differs between two runs of a paper, figure by figure: A=results/papers/<name> B=/archive/<name> (docs/papers.md)
	@PYTHONPATH=workflow/scripts python -m avatarflow.papers.compare "$(A)" "$(B)"

# PORT, HOST and the others count where they are said; the defaults of other commands do not
said = $(if $(filter command% environment%,$(origin $(1))),--$(2) "$($(1))")

receive: ## receive DICOM into a folder: FOLDER=inbox PORT=11112 HOST=127.0.0.1 AE_TITLE=AVATARFLOW ALLOW="CAMERA1" (docs/clinic.md)
	@PYTHONPATH=workflow/scripts exec python -m avatarflow.receive.command --folder "$(FOLDER)" $(call said,HOST,host) $(call said,PORT,port) \
	  $(call said,AE_TITLE,ae-title) $(call said,ALLOW,allow) $(call said,MAX_MB,max-mb) $(call said,MAX_FILES,max-files) $(call said,MIN_FREE_MB,min-free-mb)

request: ## a data-use request from a release's entry: NAME=eyes CONFIG=my.yaml; writes results/requests/<name>/ (docs/clinic.md)
	@PYTHONPATH=workflow/scripts python -m avatarflow.request.command write --config "$(CONFIG)" --name "$(NAME)"

answer: ## answer a request with counts only: REQUEST=request.json CONFIG=site.yaml THRESHOLD=5 (docs/clinic.md)
	@PYTHONPATH=workflow/scripts python -m avatarflow.request.command answer --config "$(CONFIG)" --request "$(REQUEST)" $(if $(THRESHOLD),--threshold "$(THRESHOLD)")

reader-study: ## pages for readers of a release's pictures, on this machine only: NAME=eyes CONFIG=my.yaml PORT=8000 MACHINES=12 DATABASE=url (docs/reader_study.md)
	@AVATARFLOW_READER_STORE="$(DATABASE)" PYTHONPATH=workflow/scripts exec python -m avatarflow.reader_study.command --config "$(CONFIG)" \
	  --name "$(NAME)" $(call said,PORT,port) $(call said,MACHINES,machines)

reader-results: ## answers of a reader study as CSV, and what they say: NAME=eyes CONFIG=my.yaml MACHINES=1 DATABASE=url (docs/reader_study.md)
	@AVATARFLOW_READER_STORE="$(DATABASE)" PYTHONPATH=workflow/scripts python -m avatarflow.reader_study.command --config "$(CONFIG)" \
	  --name "$(NAME)" --results $(if $(MACHINES),--of machines)

terms: ## what FHIR profiles and study protocols say can be asked for, and by which search: PROFILES=folder; writes results/terms/ (docs/clinic.md)
	@PYTHONPATH=workflow/scripts python -m avatarflow.terms.command --profiles "$(PROFILES)"

sources: ## open medical data that fit: SELECT="modality LIKE '%iris%' AND sex = 'recorded'", UNVERIFIED=1 (docs/sources.md)
	@PYTHONPATH=workflow/scripts python -m avatarflow.catalogue.select $(if $(UNVERIFIED),--unverified) -- "$(SELECT)"

gpu-check: setup ## training, sampling and the cone on this machine's GPU against stock diffusers; writes experiments/machine/results/
	python experiments/machine/gpu_check.py --device cuda --out experiments/machine/results/gpu_check.json

withdraw: ## delete all that goes back to patients who have withdrawn, with a protocol: ENTRY=eyes CONFIG=my.yaml LIST=1 EVERYBODY=1 (docs/clinic.md)
	@PYTHONPATH=workflow/scripts python -m avatarflow.withdrawal.command --config "$(CONFIG)" --entry "$(or $(ENTRY),all)" \
	  $(if $(LIST),--list) $(if $(EVERYBODY),--everybody)

purge: ## remove checkpoints and what killed jobs left: they may hold a patient who has withdrawn
	@PYTHONPATH=workflow/scripts python -m avatarflow.runs.purging

clean: ## remove all that runs and tests made, results included; .venv stays
	rm -rf results logs .snakemake
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find workflow tests -name __pycache__ -type d -prune -exec rm -rf {} +
