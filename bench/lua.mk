# SPDX-License-Identifier: GPL-2.0-only
# What a sample of Lua costs. As root.
bench-lua: $(O)/scry $(O)/bench/floor $(O)/bench/sampler
	@PYTHONDONTWRITEBYTECODE=1 bench/lua $(O)
bench: bench-lua
.PHONY: bench-lua
