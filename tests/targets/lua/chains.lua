-- SPDX-License-Identifier: GPL-2.0-only
-- Chains of calls a0..a7 and b0..b7, in turns, in the main thread and in coroutines in each other, called from C too: every
-- stack is a beginning of one of them.
package.path = (arg[0]:match("^(.*/)") or "./") .. "?.lua;" .. package.path
local target = require "target"
local clock, depth, seconds = os.clock, 8, tonumber(arg[1])

local function burn() local x = 0 for i = 1, 40 do x = x + i % 7 end return x end
local A, B = {}, {}
for chain, letter in pairs { [A] = "a", [B] = "b" } do
	for level = depth - 1, 0, -1 do
		local code = level == depth - 1 and "local burn = ... return function(n) local x = burn() x = x + burn() return x end"
			or ("local t = ... return function(n) local x = t.%s%d(n) return x end"):format(letter, level + 1)
		chain[letter .. level] = target.load(code, "=" .. letter .. level)(level == depth - 1 and burn or chain)
	end
end
local function run_a() local x = A.a0(1) return x end
local function run_b() local x = B.b0(1) return x end
local function inner() while true do run_a() coroutine.yield() run_b() coroutine.yield() end end
local function outer()
	local co = coroutine.create(inner)
	while true do coroutine.resume(co) coroutine.yield() end
end
local co = coroutine.create(outer)

target.say { ready = "ready", depth = depth }
local start = clock()
while clock() - start < seconds do
	for i = 1, 50 do
		run_a()
		coroutine.resume(co)
		run_b()
		pcall(run_a)
		string.gsub("x", "x", run_b)
	end
end
target.say { done = "done" }
