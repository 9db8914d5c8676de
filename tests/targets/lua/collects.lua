-- SPDX-License-Identifier: GPL-2.0-only
-- Collects garbage about half of its time, only when it asks for it, and reports the share by its own clock of CPU time.
package.path = (arg[0]:match("^(.*/)") or "./") .. "?.lua;" .. package.path
local target = require "target"
local clock, seconds = os.clock, tonumber(arg[1])
local collectgarbage, live = collectgarbage, {}

for i = 1, 50000 do live[i] = { i, { i } } end
collectgarbage()
collectgarbage("stop")

local function compute(stop) local x = 0 repeat for i = 1, 20000 do x = x + i % 3 end until clock() >= stop return x end

target.say { ready = "ready" }
local start, spent, x = clock(), 0, 0
while clock() - start < seconds do
	local before = clock()
	collectgarbage()
	local after = clock()
	spent = spent + after - before
	x = x + compute(after + (after - before))
end
target.say { share = spent / (clock() - start) }
