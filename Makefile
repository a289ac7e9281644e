# Every chore is a target here; CI runs these same targets.

CACHE := $(HOME)/.cache/request-counter
UV_VERSION := 0.13.9
CHECKOV_VERSION := 3.3.30
# What `make up` had to get comes first: a kubectl on the PATH may be a vendor's, or of another time.
export PATH := $(CACHE)/bin:$(PATH)
UV = $(or $(shell command -v uv),$(CACHE)/bin/uv)
RUN = $(UV) run --frozen --no-sync
CLUSTER = $(RUN) python -m infra.kind
EKS = $(RUN) python -m infra.eks_cli
KUBECTL := kubectl --context kind-request-counter
DELIVERY = $(RUN) python -m infra.delivery
ZIZMOR_VERSION := 1.32.0

.DEFAULT_GOAL := help
.PHONY: help
help: ## Show this help
	@awk -F ':.*## ' '/^## /{printf "\n%s\n", substr($$0, 4)} /^[a-z0-9-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

## Run it
.PHONY: up down status logs debug run
up: .venv ## Make the local cluster, with the operator and a counter that answers; bring it up to date (NODE_IMAGE= for another Kubernetes)
	@$(CLUSTER) up

down: .venv ## Delete the local cluster, and nothing else
	@$(CLUSTER) down

status: .venv ## Show the cluster's nodes, the operator and all counters
	@$(CLUSTER) status

logs: ## Follow the operator's log
	@$(KUBECTL) --namespace request-counter-system logs deployment/request-counter-operator --follow --tail 100

debug: .venv ## Write the state of machine and cluster into build/debug, for somebody who was not there
	@$(CLUSTER) debug

run: .venv ## Serve a counter on port 8000 with an SQLite file: no cluster, no Docker
	@$(RUN) python -m counter_service

## Test it
.PHONY: test unit integration e2e
# One run of pytest over all tiers, so that its summary covers everything and comes last.
test: up helm ## Run all tests but the long ones, after setting up all that they need
	$(RUN) pytest -m "not long" --durations=25 tests/unit tests/integration tests/e2e

unit: .venv ## Run the pure tests: seconds, nothing but Python needed
	$(RUN) pytest tests/unit

integration: .venv ## Run the tests against real Redis servers in containers, the long ones too
	@$(CLUSTER) images redis
	$(RUN) pytest tests/integration

e2e: .venv ## Run the tests on the local cluster, which `make up` has made, the long ones too
	$(RUN) pytest tests/e2e

## Measure it: minutes each, and all the machine's cores
.PHONY: fault survival scale bench load mutation
fault: .venv ## Hold the counter to its books through every failure; writes docs/fault-report.md
	@$(CLUSTER) images redis
	$(RUN) pytest tests/fault --write-report

SURVIVAL ?= tests/survival
survival: up ## Kill Redis's servers, sentinels, volumes and a node under load: nothing is lost; writes docs/survival-report.md
	$(RUN) pytest $(SURVIVAL) --write-report

scale: up ## Give the operator a thousand counters, and then nothing to do; writes docs/scale-report.md
	$(RUN) pytest tests/scale --write-report

bench: .venv ## Compare with Go, NestJS, aiohttp and webdis on one core each; writes docs/benchmarks.md
	@$(CLUSTER) images redis
	$(RUN) python -m tests.bench --write-report

PROFILE = zipf
USERS = 200
MINUTES = 2
URL = http://127.0.0.1:8080
HOST_HEADER = hits.localhost
load: .venv ## Load a counter with locust and compare its growth exactly: PROFILE=uniform|zipf|hot USERS= MINUTES= URL=
	@mkdir -p build
	$(RUN) locust --locustfile tests/load/locustfile.py --headless \
	  --host $(URL) --host-header "$(HOST_HEADER)" --load-profile $(PROFILE) --users $(USERS) --spawn-rate $(USERS) \
	  --run-time $(MINUTES)m --stop-timeout 10 --html build/load-$(PROFILE).html --only-summary

mutation: .venv ## See whether a test misses each statement of the counting path
	$(RUN) python -m tests.mutation

## Deliver it: docs/delivery.md
.PHONY: helm chart dist manifests workflows wheel wheel-test publish-images publish-chart publish-wheel notes version
# The names of the released images: ghcr.io/example, and sha256:... of each.
REGISTRY ?=
OPERATOR_DIGEST ?=
SERVICE_DIGEST ?=
RELEASED = --registry "$(REGISTRY)" --operator-digest "$(OPERATOR_DIGEST)" --service-digest "$(SERVICE_DIGEST)"

helm: .venv ## Get Helm 3 and 4 into ~/.cache for the chart's tests: downloaded, or compiled from Go modules
	@$(DELIVERY) get helm3 helm4

chart: .venv ## Check the chart with Helm 3 and 4, and pack it into dist/
	@$(DELIVERY) chart $(RELEASED)

dist: .venv ## Make install.yaml, the chart and checksums into dist/: REGISTRY= OPERATOR_DIGEST= SERVICE_DIGEST=
	@$(DELIVERY) dist $(RELEASED)

manifests: .venv ## Hold all YAML to the schemas of three Kubernetes versions, by kubeconform; needs Go
	@$(DELIVERY) manifests

workflows: .venv ## Check the GitHub workflows with actionlint and zizmor
	@$(DELIVERY) get actionlint >/dev/null
	actionlint -shellcheck= -pyflakes=
	$(UV) tool run --quiet --from zizmor==$(ZIZMOR_VERSION) zizmor --offline --quiet --persona=pedantic .github

wheel: .venv ## Build the wheel into dist/
	$(UV) build --quiet --wheel --out-dir dist

WHEEL_TEST := build/wheel-test
wheel-test: | $(CACHE)/bin ## Test the wheel in dist/ in an environment of its own, with no sources beside it
	@test -x "$(UV)" || $(MAKE) --no-print-directory $(CACHE)/bin/uv
	rm -rf $(WHEEL_TEST)
	mkdir -p $(WHEEL_TEST)
	cp -r pyproject.toml uv.lock tests crds deploy $(WHEEL_TEST)/
	cd $(WHEEL_TEST) && $(UV) sync --quiet --all-extras --frozen --no-install-project
	cd $(WHEEL_TEST) && $(UV) pip install --quiet --no-deps $(CURDIR)/dist/*.whl
	cd $(WHEEL_TEST) && .venv/bin/python -c "import counter_service as c, request_counter_operator as o, \
	  kubectl_requestcounter as k; assert all('site-packages' in m.__file__ for m in (c, o, k)), 'not the wheel'"
	cd $(WHEEL_TEST) && .venv/bin/pytest tests/unit/operator tests/unit/counter_service tests/unit/plugin

publish-images: .venv ## Build both images for amd64 and arm64 and push them, with SBOM and provenance: REGISTRY=
	@$(DELIVERY) images --registry "$(REGISTRY)"

publish-chart: .venv ## Push the chart that is in dist/: REGISTRY=
	@$(DELIVERY) push-chart --registry "$(REGISTRY)"

publish-wheel: .venv ## Publish the wheel that is in dist/ on PyPI, by the workflow's identity
	$(UV) publish --trusted-publishing always dist/*.whl

notes: .venv ## Print the changelog's section of a release: VERSION=
	@$(DELIVERY) notes "$(VERSION)"

version: .venv ## Make a version the project's, everywhere, and the changelog's: NEW=
	@$(DELIVERY) version "$(NEW)"
	@$(MAKE) --no-print-directory .venv
	@$(RUN) python -m tests.support.golden

## Check and change it
.PHONY: check lint types imports format
check: lint types imports ## Run all checks of the code

lint: .venv ## Check style and likely mistakes
	$(RUN) ruff check
	$(RUN) ruff format --check

types: .venv ## Check the types
	$(RUN) mypy

imports: .venv ## Check that the layers import downwards only
	$(RUN) lint-imports

format: .venv ## Format the code and mend what can be mended
	$(RUN) ruff check --fix
	$(RUN) ruff format

## Run it on AWS: docs/eks.md; plan, up and down need an account, and ask before they spend or destroy anything
.PHONY: eks-plan eks-up eks-down terraform checkov eks-moto
eks-plan: .venv ## Show what eks-up would make on AWS, and what that costs
	@$(EKS) plan

eks-up: .venv ## Make or update the cluster on AWS, push the images, run the operator
	@$(EKS) up

eks-down: .venv ## Delete counters, volumes, cluster and all else that eks-up made
	@$(EKS) down

terraform: .venv ## Check the Terraform code: format, validity, tests; needs the Terraform registry, no account
	@$(EKS) check

checkov: .venv ## Check the Terraform code against security policies; each exception has its reason beside it
	@$(UV) tool run --quiet --from checkov==$(CHECKOV_VERSION) checkov --directory infra/eks --framework terraform \
	  --compact --quiet --skip-download

eks-moto: .venv ## Apply to a simulated AWS; the second plan must be empty; needs the Terraform registry, no account
	@$(EKS) moto

## Other
.PHONY: images clean
images: .venv ## Get the images that the cluster is made of into Docker: pulled, or built where no registry answers
	@$(CLUSTER) images

clean: ## Remove what building and testing left in the checkout; the cluster and ~/.cache stay
	rm -rf .venv dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# The environment, as the lock file has it. Its folder's time says when it was last brought up to date.
.venv: pyproject.toml uv.lock | $(CACHE)/bin
	@test -x "$(UV)" || $(MAKE) --no-print-directory $(CACHE)/bin/uv
	@$(UV) sync --quiet --all-extras --frozen
	@touch $@

$(CACHE)/bin:
	@mkdir -p $@

$(CACHE)/bin/uv: | $(CACHE)/bin
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "Python 3.11 or later is needed, as python3: https://www.python.org/downloads/" >&2; exit 1; }
	@echo "getting uv $(UV_VERSION)"
	@python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target $(CACHE)/uv uv==$(UV_VERSION)
	@ln -sf $(CACHE)/uv/bin/uv $@
