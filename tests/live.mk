# SPDX-License-Identifier: GPL-2.0-only
# Interpreters of other releases, in a cache folder outside the tree.
interpreters:
	@tests/interpreters
.PHONY: interpreters

# Needs root, for BPF and for chroot. SCRY_FULL=1: every program on every interpreter, 200,000 samples each.
CHECKS += check-live
check-live: $(O)/scry $(O)/tests/live/unwind
	@tests/live/run

# The walk of C frames beside that of elfutils.
$(O)/tests/live/unwind: tests/live/unwind.c $(O)/libscry.a
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -MMD -MP -o $@ $< $(O)/libscry.a $(LIBS)
