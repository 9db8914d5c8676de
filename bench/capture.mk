# SPDX-License-Identifier: GPL-2.0-only
# The capture file: bytes a sample, and the time to write, load and report. Needs no root.
$(O)/bench/capture: bench/capture.c $(O)/libscry.a
	$(call say,BENCH,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -MMD -MP -o $@ $< $(O)/libscry.a $(LIBS)

bench-capture: $(O)/bench/capture
	$<

bench: bench-capture
.PHONY: bench-capture
