# SPDX-License-Identifier: GPL-2.0-only
# Unit tests: tests/unit/test_NAME.c is one program, linked with the whole library, run as built by gcc and again
# under AddressSanitizer and UBSan. They need no root and no BPF.
UNIT := $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/test_*.c)))
SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

$(O)/tests/unit/%: tests/unit/%.c $(O)/libscry.a
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -MMD -MP -o $@ $< $(O)/libscry.a -lcmocka $(LIBS)

check-unit: $(UNIT:%=$(O)/tests/unit/%)
	@for t in $^; do $$t || exit 1; done

# The sanitised build is the same Makefile with another output folder.
check-san:
	@$(MAKE) --no-print-directory O=$(O)/san CFLAGS="-O1 -g $(SAN_FLAGS)" LDFLAGS="$(SAN_FLAGS)" check-unit
.PHONY: check-san
