-- SPDX-License-Identifier: GPL-2.0-only
-- Burns CPU at points whose stacks are known, as debug.getinfo tells them there.
local here = arg[0]:match("^(.*/)") or "./"
package.path = here .. "?.lua;" .. package.path
local target = require "target"
local clock, chain, load = os.clock, target.chain, target.load
local truth, below, label, seconds = {}, {}, "", tonumber(arg[1])
local lines = {}

local function add(to, frames)
	for i = 1, #frames do to[#to + 1] = frames[i] end
	return to
end

local function spin()
	local stop, x, co = clock() + 0.004, 0, coroutine.running()
	if not truth[label] then
		local frames = chain(2)
		truth[label] = co and below[co] and add(frames, below[co]) or frames
	end
	lines.first = debug.getinfo(1, "l").currentline + 1
	while clock() < stop do
		for i = 1, 200 do
			x = x + i % 7
		end
	end
	lines.last = debug.getinfo(1, "l").currentline
	return x
end
SPIN = spin

local points = {}
local function point(name, run) points[#points + 1] = { name, run } end

-- Resume on one line, so that what is known before the resumption is still true during it.
local function under(name, frames)
	return add({ { "[coroutine]", "", 0 }, { name, "[C]", 0 } }, frames)
end
local function inside(co)
	local me = coroutine.running()
	return me and below[me] or {}
end

function globally() spin() end
local things = { field = function() globally() end }
function things:method() local r = self.field() return r end
point("nested", function() local function inner() things:method() end inner() end)

local function tail3() return spin() end
local function tail2() return tail3() end
point("tail", function() local r = tail2() return r end)

point("coroutine", function()
	local co = coroutine.create(function() spin() end)
	below[co] = under("resume", add(chain(1), inside())) coroutine.resume(co)
end)
point("coroutines", function()
	local outer = coroutine.create(function()
		local function middle()
			local co = coroutine.create(function() local x = 1 globally() return x end)
			below[co] = under("resume", add(chain(1), inside())) coroutine.resume(co)
		end
		middle()
	end)
	below[outer] = under("resume", chain(1)) coroutine.resume(outer)
end)
point("yielding", function()
	local co = coroutine.create(function() for _ = 1, 3 do coroutine.yield() spin() end end)
	coroutine.resume(co)
	while coroutine.status(co) ~= "dead" do below[co] = under("resume", chain(1)) coroutine.resume(co) end
end)

point("gsub", function() local s = string.gsub("a", ".", function() spin() end) return s end)
point("sort", function() table.sort({ 2, 1 }, function(a, b) spin() return a < b end) end)
point("pcall", function() pcall(spin) end)
point("pcall deep", function() pcall(pcall, function() globally() end) end)
point("varargs", function() local function va(...) spin() return select("#", ...) end va(1, 2, 3) end)
point("varargs deep", function() local function va(...) local r = things.field() return ... end va(nil, 1) end)
local loop = {}
for i = 1, 3 do loop[i] = function() spin() return i end end
point("closures", function() for i = 1, 3 do loop[i]() end end)
point("iterator", function() local n = 0 for _ in function() n = n + 1 spin() if n < 2 then return n end end do end end)

local meta = {}
for _, event in ipairs { "index", "newindex", "add", "sub", "mul", "div", "mod", "pow", "unm", "concat", "eq", "lt", "le", "call" } do
	meta["__" .. event] = function() spin() return event == "lt" end
end
local a, b = setmetatable({}, meta), setmetatable({}, meta)
point("index", function() local r = a.x return r end)
point("newindex", function() a.y = 1 end)
point("add", function() local r = a + 1 return r end)
point("sub", function() local r = 1 - a return r end)
point("mul", function() local r = a * b return r end)
point("unm", function() local r = -a return r end)
point("concat", function() local r = a .. "x" return r end)
point("eq", function() local r = a == b return r end)
point("lt", function() local r = a < b return r end)
point("le", function() local r = a <= b return r end)
point("call", function() local r = a(1) return r end)

point("=chunk", load("local function f() SPIN() end f()", "=chunk"))
point("@chunk", load("\n\nlocal t = { g = function() local x = SPIN() return x end } t.g()", "@dir/file.lua"))
point("string", load("local function h() SPIN() end\nh()"))
point("long string", load("local function h() SPIN() end h() -- " .. ("x"):rep(100)))

target.say { ready = "ready", version = target.version, jit = target.jit }
local stop = clock() + seconds
while clock() < stop and not (arg[2] and io.open(arg[2])) do -- until scry has seen enough
	for i = 1, #points do
		label = points[i][1]
		points[i][2]()
	end
end
target.say { truth = truth, first = lines.first, last = lines.last }
