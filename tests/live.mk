# SPDX-License-Identifier: GPL-2.0-only
# Interpreters of other releases, in a cache folder outside the tree. (check-live: tests on them, as root.)
interpreters:
	@tests/interpreters
.PHONY: interpreters
