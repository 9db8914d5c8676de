# SPDX-License-Identifier: GPL-2.0-only
# make layouts                          the row of runtimes/python/layout_rows.c for the headers of python3-config
# make layouts PYTHON_CONFIG=PATH       ... of another interpreter's
PYTHON_CONFIG ?= python3-config
layouts:
	@runtimes/python/layouts $(PYTHON_CONFIG) $(CC)
