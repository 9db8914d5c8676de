-- SPDX-License-Identifier: GPL-2.0-only
-- deep.lua DEPTH [coroutine|c]: busy below so many different Lua functions, the main chunk being one of them; all but that in a
-- coroutine, or the innermost in a function written in C.
local depth, kind = tonumber(arg[1]) - 1, arg[2]
local compile = loadstring or load
local function leaf() local x = 0 while true do for i = 1, 1000 do x = x + i % 7 end end end
local text = ("x"):rep(1000)
local function leaf_in_c() while true do text:find("y", 1, true) end end
local inner = kind == "c" and leaf_in_c or leaf
for level = 2, depth do
	inner = compile("local inner = ... return function() local r = inner() return r end", "=f" .. level)(inner)
end
io.write("ready\n") io.flush()
if kind == "coroutine" then coroutine.wrap(inner)() end
inner()
