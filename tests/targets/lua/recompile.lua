-- SPDX-License-Identifier: GPL-2.0-only
-- Makes functions, calls them, and drops them, so that new ones take the places of old ones: function f_NNN of source gen_NNN calls
-- leaf_NNN at line NNN % 5 + 1.
package.path = (arg[0]:match("^(.*/)") or "./") .. "?.lua;" .. package.path
local target = require "target"
local clock, seconds = os.clock, tonumber(arg[1])
function burn() local x = 0 for i = 1, 3000 do x = x + i % 7 end return x end

target.say { ready = "ready" }
local start, n = clock(), 100
while clock() - start < seconds do
	n = n == 999 and 100 or n + 1
	local code = ("local t = ... %slocal function leaf_%03d() local x = 0 for i = 1, 3000 do x = x + i %% 7 end return x end ")
		:format(("\n"):rep(n % 5), n) .. ("t.f_%03d = function() local x = leaf_%03d() return x end local y = t.f_%03d() return y")
		:format(n, n, n)
	local f = target.load(code, "=gen_" .. n)
	local r = f({})
	f = nil
	if n % 3 == 0 then collectgarbage() end
end
target.say { done = "done" }
