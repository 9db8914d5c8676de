-- SPDX-License-Identifier: GPL-2.0-only
-- Always the same work, in pieces of some tenths of a millisecond: calls, tables, strings, coroutines. A write at the end of each.
local function mix(n) local t = {} for i = 1, n do t[i] = i * 7 % 13 end table.sort(t) return t[1] end
local function text(n) local s = 0 for w in ("some words of a line"):rep(n, " "):gmatch("%a+") do s = s + #w end return s end
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
local function steps(n) for i = 1, n do coroutine.yield(i) end end
local function waves(n) local s = 0 for i in coroutine.wrap(function() steps(n) end) do s = s + i end return s end
local out = io.open("/dev/null", "w")
while true do
	mix(300) text(20) fib(16) waves(200)
	out:write("piece\n")
	out:flush()
end
