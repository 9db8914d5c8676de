# SPDX-License-Identifier: GPL-2.0-only
# Fuzzers: tests/fuzz/fuzz_NAME.c is one libFuzzer program (clang), linked with the whole library under
# AddressSanitizer and UBSan (warnings are for the ordinary build), run for FUZZ_SECONDS each, from
# tests/fuzz/seeds/NAME where there is one. What it finds, and the inputs it grew, stay in build/fuzz/.
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_SECONDS ?= 60
FUZZ_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

fuzz:
	@$(MAKE) --no-print-directory O=$(O)/fuzz CC=$(CLANG) CFLAGS="-O1 -g $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -w" \
		$(FUZZ:%=fuzz-%)

$(O)/tests/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(O)/libscry.a
	$(call say,FUZZER,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -MMD -MP -o $@ $< $(O)/libscry.a $(LIBS)

# One fuzzer; the inner make of `fuzz` sets what it is built with.
$(FUZZ:%=fuzz-%): fuzz-%: $(O)/tests/fuzz/fuzz_%
	$(call say,FUZZ,"$* for $(FUZZ_SECONDS) s")
	$(Q)mkdir -p $(O)/grown/$* && $< -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -timeout=10 -verbosity=0 -close_fd_mask=3 \
		-print_final_stats=1 -artifact_prefix=$(O)/$*- $(O)/grown/$* $(wildcard tests/fuzz/seeds/$*)

.PHONY: fuzz $(FUZZ:%=fuzz-%)
