// SPDX-License-Identifier: GPL-2.0-only
/* The page's style and script, taken in as they are. */
#include "page.h"

#define ASSET(symbol, path) \
	__asm__(".pushsection .rodata\n.globl " #symbol "\n" #symbol ":\n"      \
		".incbin \"" path "\"\n.byte 0\n.popsection\n")

ASSET(page_css, "flamegraph/page.css");
ASSET(page_js, "flamegraph/page.js");
