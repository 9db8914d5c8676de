# SPDX-License-Identifier: GPL-2.0-only
# make            build/scry
# make deps       install what building, running and testing need (Debian, Ubuntu; as root)
# make check      every test; live ones as root         make demo   profile a sample program by its pid
# make bench, make fuzz, make layouts, make install PREFIX=, make clean        V=1 shows the commands
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash

O ?= build
PREFIX ?= /usr/local
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool /usr/bin/bpftool) bpftool)
VERSION := 0.1

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter \
	-Wno-missing-field-initializers -Wno-gnu-variable-sized-type-not-at-end
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu11 $(WARN) -fno-strict-aliasing -D_GNU_SOURCE -DSCRY_VERSION='"$(VERSION)"' -I. -I$(O) $(CFLAGS)
LIBS := -lbpf -ldw -lelf -lzstd -llzma -lz -liberty -lm

ARCH := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')
BPF_CFLAGS := -std=gnu11 -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -Wall -Werror \
	-Wno-gnu-variable-sized-type-not-at-end -I. \
	-idirafter /usr/include/$(shell uname -m)-linux-gnu

SRC := $(sort $(wildcard profiler/*.c profiler/base/*.c runtimes/*.c runtimes/*/*.c flamegraph/*.c))
BPF_SRC := $(sort $(wildcard bpf/*.bpf.c))
LIB_OBJ := $(patsubst %.c,$(O)/%.o,$(filter-out profiler/main.c,$(SRC)))
BPF_OBJ := $(BPF_SRC:%.bpf.c=$(O)/%.bpf.o)

ifneq ($(V),1)
Q := @
say = @printf '  %-8s%s\n' $(1) $(2);
endif

all: $(O)/scry

$(O)/scry: $(O)/profiler/main.o $(O)/libscry.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(O)/libscry.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(O)/%.o: %.c | $(O)/scry.skel.h
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/%.bpf.o: %.bpf.c
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/scry.bpf.o: $(BPF_OBJ)
	$(call say,BPFLINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(O)/scry.skel.h: $(O)/scry.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name scry_bpf > $@

install: $(O)/scry
	install -D -m 755 $(O)/scry $(DESTDIR)$(PREFIX)/bin/scry

clean:
	rm -rf $(O)

# Parts with targets of their own.
include $(wildcard flamegraph/*.mk tests/*.mk bench/*.mk docs/*.mk runtimes/*/*.mk)
include deps.mk

-include $(shell find $(O) -name '*.d' 2>/dev/null)
.PHONY: all install clean deps check check-unit check-live bench fuzz demo layouts
