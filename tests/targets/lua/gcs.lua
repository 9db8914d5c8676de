-- SPDX-License-Identifier: GPL-2.0-only
-- Collects garbage in steps and as a whole, by itself and when it is left to the collector, and counts what it can see of that.
package.path = (arg[0]:match("^(.*/)") or "./") .. "?.lua;" .. package.path
local target = require "target"
local clock, collectgarbage, live = os.clock, collectgarbage, {}

-- A sentinel is collected once in a cycle; its finalizer makes the next one, and something to collect.
local cycles, sentinel = 0
function sentinel()
	local function collected() cycles = cycles + 1 local t = {} for i = 1, 50 do t[i] = {} end sentinel() end
	if newproxy then getmetatable(newproxy(true)).__gc = collected else setmetatable({}, { __gc = collected }) end
end

for i = 1, 20000 do live[i] = { i, { i } } end
sentinel()
collectgarbage()
target.say { ready = "ready" }

while not io.open(arg[2]) do end -- until scry watches
local known = { full = 0, full_ns = {}, queued_ns = {}, steps = 0, steps_ns = {} }
collectgarbage("stop")
for i = 1, 60 do
	local queued, before = target.waited(), clock()
	collectgarbage()
	known.full = known.full + 1
	known.full_ns[known.full] = (clock() - before) * 1e9
	known.queued_ns[known.full] = target.waited() - queued
end
for i = 1, 300 do
	local before = clock()
	collectgarbage("step", 0)
	known.steps = known.steps + 1
	known.steps_ns[known.steps] = (clock() - before) * 1e9
end
cycles = 0
collectgarbage("restart")
local function fill(n) local t for i = 1, n do t = { i, { i } } end return t end
while cycles < 3 do fill(10000) end
known.cycles = cycles
target.say(known)
