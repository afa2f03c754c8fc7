# Every target says what it does in `make help`; what it does in steps is a script in hack/.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.PHONY: help setup build test test-agents e2e e2e-matrix demo demo-down check fmt image cluster-up cluster-down bench-webhook bench-policy bench-node bench-reliability fuzz h2spec tls-posture generate

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what this machine lacks for all other targets
	@hack/setup all

build: ## build the executables, optimised, into .build/release
	@hack/release

test: ## run the unit and integration tests (no cluster needed)
	@hack/test

test-agents: ## run the tests of the language agents and of the loader
	@hack/agents test

e2e: ## bring up a Kubernetes, run the end-to-end suite on it, bring it down
	@hack/e2e

e2e-matrix: ## every runtime and conflict by every way of loading agents, as a table (docs/languages.md)
	@hack/e2e-matrix

demo: ## install everything in a local Kubernetes and show the trace of two plain services
	@hack/demo up

demo-down: ## remove the demo and the local Kubernetes; caches stay
	@hack/demo down

check: ## formatting, shell scripts, direction of imports, manifests, generated files
	@hack/check

fmt: ## format the Swift sources
	swift format -i --recursive Package.swift Sources Tests

image: ## build the container images, and load them into the local cluster when it is up
	@hack/image all

cluster-up: ## start the local Kubernetes
	@hack/cluster up

cluster-down: ## end the local Kubernetes and remove its state
	@hack/cluster down

fuzz: ## fuzz everything that reads bytes of others (FUZZ_RUNS= to shorten)
	@hack/fuzz

h2spec: ## the HTTP/2 conformance suite, where H2SPEC names it or it is on the PATH
	@hack/h2spec

tls-posture: ## check TLS with sslscan, and slow clients with slowhttptest
	@hack/tls-posture

bench-webhook: ## measure the webhook beside three in Go
	@benchmarks/webhook/run

bench-policy: ## measure the decisions of the policy library
	@benchmarks/policy/run

bench-node: ## measure the node agent, and its device plugin beside one in Go
	@benchmarks/node/run

bench-reliability: ## admissions on the cluster of `make demo` while certificates and replicas change
	@benchmarks/reliability/run

generate: ## write generated sources anew
	@hack/setup build
	@/usr/bin/python3 hack/generate
	@/usr/bin/python3 deploy/distributions/generate
	@/usr/bin/python3 deploy/agents/loader/generate
