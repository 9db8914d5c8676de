# SPDX-License-Identifier: GPL-2.0-only
# Pages in a headless browser; skipped by name where there is none.
CHECKS += check-browser

check-browser: $(O)/scry
	@python3 -B tests/browser/flamegraph.py $(O)/scry
.PHONY: check-browser
