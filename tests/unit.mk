# SPDX-License-Identifier: GPL-2.0-only
# Unit tests: tests/unit/test_NAME.c is one program, linked with the whole library, run as built by gcc and again
# under AddressSanitizer and UBSan. They need no root and no BPF.
UNIT := $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/test_*.c)))
SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

$(O)/tests/unit/%: tests/unit/%.c $(O)/libscry.a
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -MMD -MP -o $@ $< $(O)/libscry.a -lcmocka $(LIBS)

# Those that ask every interpreter first, so that none of them is left alone at the end.
UNIT_LONG := test_python_hits test_python_layout test_walk_live test_python_probes test_python_live
UNIT_RUNS := $(patsubst %,run-%,$(filter $(UNIT),$(UNIT_LONG)) $(filter-out $(UNIT_LONG),$(UNIT)))

check-unit: $(UNIT:%=$(O)/tests/unit/%)
	@$(MAKE) --no-print-directory $(PARALLEL) -k -O $(UNIT_RUNS)

$(UNIT_RUNS): run-%: $(O)/tests/unit/%
	@$<
.PHONY: $(UNIT_RUNS)

# The sanitised build is the same Makefile with another output folder.
check-san:
	@$(MAKE) --no-print-directory $(PARALLEL) O=$(O)/san CFLAGS="-O1 -g $(SAN_FLAGS)" LDFLAGS="$(SAN_FLAGS)" check-unit
.PHONY: check-san
