# A thin front: Meson builds, tests/run tests. Missing Debian packages are installed first.
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
MESON_OPTIONS ?=
export MARBLERUN_BUILD := $(abspath $(BUILD))

.PHONY: help all demo check check-packages bench fuzz deb release-file install clean

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@tools/install-packages build
	@meson setup $(MESON_OPTIONS) --prefix $(PREFIX) $(BUILD) >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }

demo: all
	@tools/install-packages demo
	@tools/demo

# The tests need more packages than the build: whoever built before they were there configures anew.
check:
	@tools/install-packages build test
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@meson configure $(BUILD) -Dtests=enabled
	@$(MAKE) --no-print-directory all
	@tests/run

bench:
	@tools/install-packages build test bench
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@meson configure $(BUILD) -Dtests=enabled
	@$(MAKE) --no-print-directory all
	@tests/bench/run

# FUZZ_SECONDS for each target.
FUZZ_SECONDS ?= 600
fuzz:
	@tools/install-packages build test
	@tests/fuzz/run $(FUZZ_SECONDS)

PACKAGES ?= build-deb
deb:
	@tools/install-packages build deb
	@tools/build-deb $(PACKAGES)

release-file: deb
	@tools/release-file $(PACKAGES)

# Root, and Debian's mirror: packages are built and installed in a bare Debian of the test's own.
check-packages:
	@tools/install-packages build deb test packages
	@/usr/bin/python3 -m pytest -q -p no:cacheprovider tests/packages

install: all
	@meson configure $(BUILD) -Dprefix=$(PREFIX)
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --quiet

help:
	@echo "make                 build into $(BUILD)/"
	@echo "make demo            a mesh on this machine, without special hardware"
	@echo "make check           every test"
	@echo "make install         into PREFIX=$(PREFIX), below DESTDIR"
	@echo "make deb             Debian packages into $(PACKAGES)/; make release-file: what is in them"
	@echo "make check-packages  packages in a bare Debian; make fuzz; make bench; make clean"

clean:
	@rm -rf $(BUILD) $(BUILD).log $(PACKAGES) build-asan build-tsan build-fuzz
