-- SPDX-License-Identifier: GPL-2.0-only
-- Burns CPU 6:3:1 in three functions and reports the shares by its own clock of CPU time.
package.path = (arg[0]:match("^(.*/)") or "./") .. "?.lua;" .. package.path
local target = require "target"
local clock, seconds = os.clock, tonumber(arg[1])

local function six(n) local s, x = clock(), 0 while n > 0 do n = n - 1 x = x + n % 3 end return clock() - s, x end
local function three(n) local s, x = clock(), 0 while n > 0 do n = n - 1 x = x + n % 3 end return clock() - s, x end
local function one(n) local s, x = clock(), 0 while n > 0 do n = n - 1 x = x + n % 3 end return clock() - s, x end

target.say { ready = "ready" }
local spent, scale = { six = 0, three = 0, one = 0 }, jit and 20 or 1
local start = clock()
while clock() - start < seconds do
	spent.six = spent.six + six(60000 * scale)
	spent.three = spent.three + three(30000 * scale)
	spent.one = spent.one + one(10000 * scale)
end
local total = clock() - start
target.say { shares = { six = spent.six / total, three = spent.three / total, one = spent.one / total } }
