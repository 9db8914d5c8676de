# SPDX-License-Identifier: GPL-2.0-only
# make demo: a program that was already running, five seconds of it, and a flame graph (DEMO=FILE.svg) of what it did.
DEMO ?= flame.svg

demo:
	@$(MAKE) --no-print-directory deps TEST_PACKAGES=python3
	@$(MAKE) --no-print-directory all
	@docs/demo $(O)/scry $(DEMO)
