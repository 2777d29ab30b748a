# make help tells what there is. Everything but build, lint, clean and help needs root, since
# containers and their mounts do.

TRIPLE := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
OUT := $(TARGET)/$(TRIPLE)/release
TOOLS := $(TARGET)/bench
BENCH := $(TARGET)/$(TRIPLE)/debug/bench
BENCH_FLAGS = --nsinit $(NSINIT) --nsrun $(NSRUN) --tools $(TOOLS) --image $(IMAGES)/busybox --results $(TOOLS)/results
PREFIX ?= /usr/local
DESTDIR ?=

# Where the tests find things.
export NSINIT ?= $(TARGET)/release/nsinit
export NSRUN ?= $(TARGET)/release/nsrun
export PROBE ?= $(OUT)/probe
export IMAGES ?= $(CURDIR)/.cache/images

# One line for each target with a `##`.
.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | while IFS='|' read -r name what; do \
		printf '  make %-14s %s\n' "$$name" "$$what"; done

.PHONY: root cargo
root:
	@[ "$$(id -u)" = 0 ] || { echo "make $(MAKECMDGOALS): needs root: containers and their mounts do (sudo -E env PATH=\"\$$PATH\" make $(MAKECMDGOALS))" >&2; exit 1; }

cargo:
	@command -v cargo >/dev/null || { echo "make: no cargo in PATH: a Rust toolchain is needed (rust-version in Cargo.toml)" >&2; exit 1; }

.PHONY: build
build: cargo ## nsinit and nsrun, a static file each, in target/release
	@scripts/prepare build
	NSRUN_COMMIT="$$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
		cargo build --release --target "$$(scripts/triple)" -p nsinit -p nsrun
	@install -D -m 755 -t $(TARGET)/release $(addprefix $(TARGET)/$$(scripts/triple)/release/,nsinit nsrun)

.PHONY: demo
demo: root ## containers before your eyes: the host's own root, then a busybox root file system
	@scripts/prepare demo
	@$(MAKE) --no-print-directory build
	@scripts/images busybox
	@scripts/demo

.PHONY: test
test: root ## every test, on real root file systems; tells what was skipped and why
	@scripts/prepare test
	@scripts/images busybox
	@scripts/images debian || echo "make test: goes on; tests that need Debian are skipped"
	@scripts/criu || echo "make test: goes on; tests of checkpoints are skipped"
	@$(MAKE) --no-print-directory build probe
	@scripts/test --workspace

.PHONY: test-engines
test-engines: root ## Docker, containerd, Podman and Buildah on nsrun
	@scripts/prepare engines
	@scripts/images busybox
	@scripts/images debian || echo "make test-engines: goes on; what needs Debian is skipped"
	@scripts/criu || echo "make test-engines: goes on; checkpoints are skipped"
	@$(MAKE) --no-print-directory build
	@scripts/test-engines

.PHONY: test-vm
test-vm: root ## cgroup v2, systemd, AppArmor, older kernels, in a virtual machine; NAME=... for one test
	@scripts/prepare vm
	@scripts/images busybox
	@$(MAKE) --no-print-directory build probe
	@scripts/test-vm $(NAME)

.PHONY: test-fuzz
test-fuzz: cargo ## each reader of foreign bytes, and both compilers, for FUZZ_SECONDS (60) each
	@scripts/prepare fuzz
	@scripts/fuzz

.PHONY: probe
probe: cargo ## the helper that tests run inside containers
	cargo build --release -p probe

.PHONY: lint
lint: cargo ## formatting, clippy, documentation: no warning is let through
	@scripts/prepare build
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
	@for script in scripts/*; do \
		case $$(head -n 1 "$$script") in *bash) bash -n "$$script" ;; *) sh -n "$$script" ;; esac || exit 1; done

$(TOOLS)/%: benches/%.c
	@mkdir -p $(TOOLS)
	$(CC) -O2 -static -Wall -Wextra -Werror -o $@ $<

# What measures is no part of what is measured: it may be a debug build.
.PHONY: bench-tools
bench-tools: root
	@scripts/prepare bench
	@scripts/images busybox
	@$(MAKE) --no-print-directory build $(TOOLS)/floor $(TOOLS)/spawn
	cargo build -p bench

.PHONY: bench
bench: bench-tools ## what a start costs, beside the floor and others; writes docs/benchmarks.md
	@scripts/prepare engines
	@scripts/peers
	cargo build --release --target "$$(scripts/triple)" -p libcontainer --example start_loop
	@install -m 755 $(TARGET)/$$(scripts/triple)/release/examples/start_loop $(TOOLS)/start_loop
	$(BENCH) measure $(BENCH_FLAGS)
	$(BENCH) write $(BENCH_FLAGS)

.PHONY: bench-quick
bench-quick: bench-tools ## run, exec, state and kill with few rounds, under a minute; writes nothing
	$(BENCH) measure $(BENCH_FLAGS) --no-save --layout v2 --rounds 20 --only run --only exec --only verbs

.PHONY: bench-curves
bench-curves: bench-tools ## how cost grows with containers, mounts, devices, ...; writes docs/curves.md
	@scripts/peers
	$(BENCH) curves $(BENCH_FLAGS)
	$(BENCH) write $(BENCH_FLAGS)

.PHONY: bench-check
bench-check: bench-tools ## fails where run, exec or state cost more than they may
	$(BENCH) check $(BENCH_FLAGS) --rounds 60 $$(scripts/triple | grep -q -- -musl || echo --uncounted)

.PHONY: bench-counts
bench-counts: bench-tools ## writes benches/syscalls.txt anew, for bench-check
	$(BENCH) check $(BENCH_FLAGS) --rounds 10 --renew

.PHONY: bench-seccomp
bench-seccomp: root ## our system-call filters beside libseccomp's
	@scripts/prepare bench
	cargo bench -p seccomp --bench filters

.PHONY: bench-checkpoint
bench-checkpoint: root ## checkpoints and restores of 1 MiB to 1 GiB, beside runc's
	@scripts/prepare bench
	@scripts/images busybox
	@$(MAKE) --no-print-directory build probe
	@scripts/bench-checkpoint

.PHONY: hot
hot: root ## writes down which functions a start enters, for the linker to lay them out
	@scripts/prepare bench
	@scripts/images busybox
	KEEP_SYMBOLS=1 cargo build --release --target "$$(scripts/triple)" -p nsinit -p nsrun
	@$(MAKE) --no-print-directory $(TOOLS)/entered
	@out=$(TARGET)/$$(scripts/triple)/release; \
		ENTERED=$(TOOLS)/entered NSINIT=$$out/nsinit NSRUN=$$out/nsrun scripts/hot

.PHONY: install
install: build ## the binaries, man pages and completions under PREFIX (/usr/local)
	@set -ex; share=$(DESTDIR)$(PREFIX)/share; \
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin $(TARGET)/release/nsinit $(TARGET)/release/nsrun; \
	install -d $$share/man/man1 $$share/bash-completion/completions \
		$$share/zsh/site-functions $$share/fish/vendor_completions.d; \
	for tool in nsinit nsrun; do \
		$(TARGET)/release/$$tool man $$share/man/man1; \
		$(TARGET)/release/$$tool completions bash > $$share/bash-completion/completions/$$tool; \
		$(TARGET)/release/$$tool completions zsh > $$share/zsh/site-functions/_$$tool; \
		$(TARGET)/release/$$tool completions fish > $$share/fish/vendor_completions.d/$$tool.fish; \
	done

.PHONY: clean
clean: cargo ## removes what was built and the images; downloads stay in .cache
	cargo clean
	rm -rf --one-file-system .cache/images
