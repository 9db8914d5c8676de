# SPDX-License-Identifier: GPL-2.0-only
# A million distinct stacks to SVG, beside inferno where it is installed.
bench: bench-svg

bench-svg: $(O)/scry
	@bench/svg.sh $<

.PHONY: bench-svg
