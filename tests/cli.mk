# SPDX-License-Identifier: GPL-2.0-only
# Commands run as a user would, on interpreters that are at hand; root sees more of them.
CHECKS += check-cli

check-cli: $(O)/scry
	@tests/cli/list.py $(O)/scry
	@tests/cli/flamegraph.sh $(O)/scry

.PHONY: check-cli
