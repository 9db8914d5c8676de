-- SPDX-License-Identifier: GPL-2.0-only
-- Busy below so many Lua functions, the main chunk being one of them.
local depth = tonumber(arg[1]) - 1
local function leaf() local x = 0 while true do for i = 1, 1000 do x = x + i % 7 end end end
local function down(n) if n <= 1 then local r = leaf() return r end local r = down(n - 1) return r end
io.write("ready\n") io.flush()
down(depth - 1)
