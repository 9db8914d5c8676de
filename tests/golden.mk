# SPDX-License-Identifier: GPL-2.0-only
# Texts compared with those kept under tests/golden and docs/; golden-record writes them anew.
CHECKS += check-golden

check-golden: $(O)/scry
	@tests/golden/help.sh $(O)/scry
	@tests/golden/flamegraph.sh $(O)/scry

golden-record: $(O)/scry
	@tests/golden/help.sh --record $(O)/scry | tail -1
	@tests/golden/flamegraph.sh --record $(O)/scry | tail -1

.PHONY: check-golden golden-record
