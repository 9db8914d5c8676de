# SPDX-License-Identifier: GPL-2.0-only
# The assembler reads the page's files; the compiler's dependency list does not name them.
$(O)/flamegraph/assets.o: flamegraph/page.css flamegraph/page.js
