# SPDX-License-Identifier: GPL-2.0-only
# Small files with the outside of a CPython, for the tests of recognition (x86-64: their machine code is read).
TINY := $(addprefix $(O)/tests/tiny/,old.so new.so static unknown.so lying.so threaded.so)
TINY_CC = $(Q)mkdir -p $(@D) && gcc -O2 -nostdlib -fcf-protection=none -fno-asynchronous-unwind-tables -w \
	-Wl,-z,noseparate-code -Wl,--build-id=sha1 -Wl,-s -o $@ tests/targets/tiny_python.c
$(TINY): tests/targets/tiny_python.c tests/tiny.mk

$(O)/tests/tiny/old.so:
	$(TINY_CC) -shared -fPIC -DOLD
$(O)/tests/tiny/new.so:
	$(TINY_CC) -shared -fPIC
$(O)/tests/tiny/unknown.so:
	$(TINY_CC) -shared -fPIC -DHEX=0x031000f0
$(O)/tests/tiny/lying.so:
	$(TINY_CC) -shared -fPIC -DOWNER=1000
$(O)/tests/tiny/threaded.so:
	$(TINY_CC) -shared -fPIC -DFREE_THREADED=1
# Not position-independent; linked with a library so that it has a dynamic section.
$(O)/tests/tiny/static: $(O)/tests/tiny/old.so
	$(TINY_CC) -no-pie -rdynamic -Wl,-e,set -Wl,--no-as-needed -Wl,--allow-shlib-undefined $(O)/tests/tiny/old.so

$(O)/tests/unit/test_python_detect $(O)/tests/unit/test_elf: | $(TINY)
