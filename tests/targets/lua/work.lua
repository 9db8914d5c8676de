-- SPDX-License-Identifier: GPL-2.0-only
-- Computes for some milliseconds, asks for a line and waits for it, in turns, until it had so many seconds of CPU time; with a second
-- argument, a command, it runs that first, once it has read a line.
package.path = (arg[0]:match("^(.*/)") or "./") .. "?.lua;" .. package.path
local target = require "target"
local clock, stop = os.clock, tonumber(arg[1])

local function inner(till)
	local x = 0
	while clock() < till do
		for i = 1, 100 do x = x + i % 7 end
	end
	return x
end
local function outer(till)
	local x = inner(till)
	return x
end
local function waits()
	io.write("?\n")
	io.flush()
	local line = io.read()
	return line
end

target.say { version = target.version, jit = target.jit }
if arg[2] then
	waits()
	os.execute(arg[2])
end
repeat
	local x = outer(clock() + 0.004)
	local line = waits()
until clock() > stop
