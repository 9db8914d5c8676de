# SPDX-License-Identifier: GPL-2.0-only
# Everything that building, running and testing need, by the names of Debian and Ubuntu.
# Build and run apart from test-only packages: DEPS=build installs the first list alone.
BUILD_PACKAGES := gcc libc6-dev make pkg-config clang libbpf-dev libelf-dev libdw-dev libiberty-dev liblzma-dev libzstd-dev zlib1g-dev
TEST_PACKAGES := llvm xz-utils lua5.1 lua5.2 lua5.3 lua5.4 liblua5.4-dev luajit libcmocka-dev g++ binutils python3 git debian-archive-keyring python3-dev mercurial python3-venv python3-numpy python3-greenlet openssl
# Programs with Lua inside. (nginx with the Lua module would remove luajit: it brings another build of the same library.)
ifeq ($(SCRY_FULL),1)
TEST_PACKAGES += redis-server redis-tools neovim haproxy apache2-utils
endif

# chromium shows the pages to the browser test, where the archive has it (Ubuntu's does not).
# bpftool has a package of its own in Debian and newer Ubuntu; older Ubuntu ships it in linux-tools.
deps:
	@export DEBIAN_FRONTEND=noninteractive; set -e; \
	missing=; for p in $(BUILD_PACKAGES) $(if $(filter build,$(DEPS)),,$(TEST_PACKAGES)); do \
		dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	command -v bpftool >/dev/null || test -x /usr/sbin/bpftool || missing="$$missing bpftool"; \
	if [ -n "$$missing" ]; then \
		[ "$$(id -u)" = 0 ] || { echo "scry: needs root to install:$$missing" >&2; exit 1; }; \
		apt-get update -qq; \
		$(if $(filter build,$(DEPS)),,! apt-cache show chromium >/dev/null 2>&1 || missing="$$missing chromium";) \
		case "$$missing" in *bpftool*) apt-cache show bpftool >/dev/null 2>&1 || \
			missing="$${missing/bpftool/linux-tools-common linux-tools-generic}";; esac; \
		apt-get install -y -qq --no-install-recommends $$missing; fi
