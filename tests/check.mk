# SPDX-License-Identifier: GPL-2.0-only
# Every test. A part adds its own with CHECKS += check-NAME in a .mk file beside it; all run, then failures are named.
CHECKS += check-unit check-san

# As many jobs at once as there are CPUs, unless make was told.
PARALLEL = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

check: deps
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@failed=; for c in $(CHECKS); do echo "== $$c"; $(MAKE) --no-print-directory $(PARALLEL) $$c || failed="$$failed $$c"; done; \
	[ -z "$$failed" ] || { echo "scry: failed:$$failed" >&2; exit 1; }; echo "scry: all checks passed: $(CHECKS)"
