# SPDX-License-Identifier: GPL-2.0-only
# Texts compared with those kept under tests/golden and docs/; golden-record writes them anew.
CHECKS += check-golden

REPORT_SAMPLE := $(O)/tests/golden/report_sample

$(REPORT_SAMPLE): tests/golden/report_sample.c $(O)/libscry.a
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -MMD -MP -o $@ $< $(O)/libscry.a $(LIBS)

check-golden: $(O)/scry $(REPORT_SAMPLE)
	@tests/golden/help.sh $(O)/scry
	@tests/golden/flamegraph.sh $(O)/scry
	@tests/golden/report.sh $(O)/scry $(REPORT_SAMPLE)

golden-record: $(O)/scry $(REPORT_SAMPLE)
	@tests/golden/help.sh --record $(O)/scry | tail -1
	@tests/golden/flamegraph.sh --record $(O)/scry | tail -1
	@tests/golden/report.sh --record $(O)/scry $(REPORT_SAMPLE) | tail -1

.PHONY: check-golden golden-record
