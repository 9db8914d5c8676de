# SPDX-License-Identifier: GPL-2.0-only
# The cost of a switch with record -e offcpu, beside what bcc's offcputime does. As root.
$(O)/bench/switch.skel.h: $(O)/bench/switch.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name switch_bpf > $@

$(O)/bench/switch: bench/switch.c $(O)/bench/switch.skel.h $(O)/libscry.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -Ibench -I$(O)/bench -MMD -MP -o $@ $< $(O)/libscry.a $(LIBS)

bench: bench-switch
bench-switch: $(O)/scry $(O)/bench/switch
	@PYTHONDONTWRITEBYTECODE=1 bench/switch $(O)

.PHONY: bench-switch
