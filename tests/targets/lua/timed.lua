-- SPDX-License-Identifier: GPL-2.0-only
-- Functions that take a known time: by themselves, before an error, before and after their coroutine is suspended, and before a tail
-- call. Each tells how long it was on a CPU, and how long it waited for one.
package.path = (arg[0]:match("^(.*/)") or "./") .. "?.lua;" .. package.path
local target = require "target"
local clock, open, yield, waited = os.clock, io.open, coroutine.yield, target.waited
local took = {}

local function measure(name, f)
	local queued, from = waited(), clock()
	f()
	took[name] = took[name] or {}
	table.insert(took[name], { cpu = (clock() - from) * 1e9, queued = waited() - queued })
end

local function burns() local from = clock() while clock() - from < 0.02 do end end
local function fails() local from = clock() while clock() - from < 0.02 do end error("x") end
local function caught() pcall(fails) local from = clock() while clock() - from < 0.03 do end end
local function gives_way() local from = clock() while clock() - from < 0.01 do end yield() from = clock() while clock() - from < 0.01 do end end
local function resumes()
	local co = coroutine.wrap(gives_way)
	co()
	local from = clock()
	while clock() - from < 0.03 do end
	co()
end
local function ends() local from = clock() while clock() - from < 0.02 do end end
local function hands_over() local from = clock() while clock() - from < 0.01 do end return ends() end
local function outer() burns() local from = clock() while clock() - from < 0.005 do end end

target.say { ready = "ready" }
while not open(arg[2]) do end -- until scry watches
for i = 1, 4 do
	measure("burns", burns)
	measure("caught", caught)
	measure("resumes", resumes)
	measure("hands_over", hands_over)
	measure("outer", outer)
end
target.say(took)
