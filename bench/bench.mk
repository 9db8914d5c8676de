# SPDX-License-Identifier: GPL-2.0-only
# What scry costs, measured on this machine. As root. Figures, not tests: nothing here passes or fails.
$(O)/bench/floor.skel.h: $(O)/bench/floor.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name floor_bpf > $@

$(O)/bench/floor: bench/floor.c $(O)/bench/floor.skel.h $(O)/libscry.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -Ibench -I$(O)/bench -MMD -MP -o $@ $< $(O)/libscry.a $(LIBS)

$(O)/bench/sampler: bench/sampler.c $(O)/libscry.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -MMD -MP -o $@ $< $(O)/libscry.a $(LIBS)

$(O)/bench/trap: bench/trap.c $(O)/libscry.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -MMD -MP -o $@ $< $(O)/libscry.a $(LIBS)

$(O)/bench/first: bench/first.c $(O)/libscry.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -MMD -MP -o $@ $< $(O)/libscry.a $(LIBS)

$(O)/bench/ustack.skel.h: $(O)/bench/ustack.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name ustack_bpf > $@

$(O)/bench/ustack: bench/ustack.c $(O)/bench/ustack.skel.h $(O)/libscry.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -Ibench -I$(O)/bench -MMD -MP -o $@ $< $(O)/libscry.a $(LIBS)

bench: bench-cost bench-events bench-native
bench-native: $(O)/scry $(O)/bench/ustack
	@PYTHONDONTWRITEBYTECODE=1 bench/native $(O)

bench-cost: $(O)/scry $(O)/bench/floor $(O)/bench/sampler $(O)/bench/first
	@PYTHONDONTWRITEBYTECODE=1 bench/cost $(O)

bench-events: $(O)/scry $(O)/bench/trap
	@PYTHONDONTWRITEBYTECODE=1 bench/events $(O)

.PHONY: bench-cost bench-events bench-native
