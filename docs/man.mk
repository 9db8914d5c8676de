# SPDX-License-Identifier: GPL-2.0-only
# Man pages and bash completion, printed by scry from its own tables.
MAN_DIR ?= $(PREFIX)/share/man/man1
COMPLETION_DIR ?= $(PREFIX)/share/bash-completion/completions

man: $(O)/scry
	@mkdir -p $(O)/man
	$(call say,MAN,$(O)/man)
	$(Q)$(O)/scry help --man > $(O)/man/scry.1
	$(Q)set -e -o pipefail; for verb in $$($(O)/scry --help | sed -n '/^for example/q; s/^  \([a-z]*\) .*/\1/p'); do \
		$(O)/scry help --man $$verb > $(O)/man/scry-$$verb.1; done

install: install-docs
install-docs: man
	$(Q)install -d $(DESTDIR)$(MAN_DIR) $(DESTDIR)$(COMPLETION_DIR)
	$(Q)install -m 644 $(O)/man/*.1 $(DESTDIR)$(MAN_DIR)
	$(Q)$(O)/scry help --completion bash > $(DESTDIR)$(COMPLETION_DIR)/scry

.PHONY: man install-docs
