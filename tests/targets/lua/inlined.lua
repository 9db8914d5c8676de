-- SPDX-License-Identifier: GPL-2.0-only
-- LuaJIT puts heavy(), light() and deep() into the loops that call them. What they take is known from loops that call one of them alone,
-- as they have nothing in common that would be computed once.
package.path = (arg[0]:match("^(.*/)") or "./") .. "?.lua;" .. package.path
local target = require "target"
local clock, seconds = os.clock, tonumber(arg[1])
local T = {}
for i = 1, 256 do T[i] = i end

local function deep(t, i)
	t[i % 64 + 1] = i
	t[i % 64 + 8] = i
	t[i % 64 + 15] = i
	t[i % 64 + 22] = i
	t[i % 64 + 29] = i
	t[i % 64 + 36] = i
end
local function heavy(t, i)
	t[i % 64 + 45] = i
	t[i % 64 + 52] = i
	t[i % 64 + 59] = i
	t[i % 64 + 66] = i
	t[i % 64 + 73] = i
	t[i % 64 + 80] = i
	t[i % 64 + 87] = i
	t[i % 64 + 94] = i
	t[i % 64 + 101] = i
	t[i % 64 + 108] = i
	deep(t, i)
	t[i % 64 + 117] = i
	t[i % 64 + 124] = i
	t[i % 64 + 131] = i
	t[i % 64 + 138] = i
	t[i % 64 + 145] = i
end
local function light(t, i)
	t[i % 64 + 3] = i
	t[i % 64 + 10] = i
	t[i % 64 + 17] = i
	t[i % 64 + 24] = i
	t[i % 64 + 31] = i
	t[i % 64 + 38] = i
	t[i % 64 + 45] = i
	t[i % 64 + 52] = i
end
local function both(n)
	local t = T
	for i = 1, n do
		heavy(t, i)
		light(t, i)
	end
end
local function only_heavy(n)
	local t = T
	for i = 1, n do heavy(t, i) end
end
local function only_light(n)
	local t = T
	for i = 1, n do light(t, i) end
end

for _ = 1, 100 do both(1000) only_heavy(1000) only_light(1000) end
target.say { ready = "ready" }
local start, spent = clock(), { heavy = 0, light = 0 }
while clock() - start < seconds do
	both(400000)
	local a = clock()
	only_heavy(100000)
	local b = clock()
	only_light(100000)
	spent.heavy, spent.light = spent.heavy + (b - a), spent.light + (clock() - b)
end
target.say { share = spent.heavy / (spent.heavy + spent.light) }
