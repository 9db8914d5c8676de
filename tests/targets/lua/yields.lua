-- SPDX-License-Identifier: GPL-2.0-only
-- A coroutine that is suspended by functions deep in it, and goes on there; a metamethod, which C calls, above that.
package.path = (arg[0]:match("^(.*/)") or "./") .. "?.lua;" .. package.path
local target = require "target"
local clock, seconds = os.clock, tonumber(arg[1])

local function burn() local x = 0 for i = 1, 300 do x = x + i % 7 end return x end
local sum = setmetatable({}, { __add = function() burn() return 1 end })
local function inner()
	coroutine.yield()
	burn()
	local x = sum + 1
	burn()
	return x
end
local function outer()
	local r = inner()
	burn()
	return r
end
local co = coroutine.create(function()
	while true do
		outer()
		burn()
		coroutine.yield()
	end
end)
target.say { ready = "ready" }
local stop = clock() + seconds
while clock() < stop do
	for i = 1, 50 do coroutine.resume(co) burn() end
end
target.say { done = "done" }
