-- SPDX-License-Identifier: GPL-2.0-only
-- Calls functions in all ways there are, and counts each call, and each that an error leaves, by the place of the function.
package.path = (arg[0]:match("^(.*/)") or "./") .. "?.lua;" .. package.path
local target = require "target"
local unpack, getinfo, yield, wrap = table.unpack or unpack, debug.getinfo, coroutine.yield, coroutine.wrap
local since_52, since_54 = target.version ~= "5.1", target.version >= "5.4"
local calls, errors, resumes = {}, {}, 0

local function add(to)
	local info = getinfo(3, "S")
	local place = info.source:gsub("^.*[/=]", "") .. ":" .. info.linedefined
	to[place] = (to[place] or 0) + 1
end
local function hit() add(calls) end			-- every other function begins with one of these two
local function lost() add(calls) add(errors) end	-- those that an error will leave
local function suspend(n) local x = yield(n) resumes = resumes + 1 return x end

-- From Lua: nested, recursive, with variable arguments, as closures.
local function fib(n) hit() if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
local function nothing() hit() end
local function many() hit() return 1, 2, 3 end
local function varied(...) hit() local a, b = ... nothing() return select("#", ...), a, b end
local function optional(a, b, ...) hit() nothing(...) return b or a end
local function closure(i) hit() return function() hit() return i end end
local function deep(n) hit() if n > 0 then local x = deep(n - 1) return x end return n end
local function one(n) hit() return n end local function other(n) hit() return n + 1 end
local object = { n = 0 }
function object:method(n) hit() self.n = self.n + n return self end

-- In place of others.
local function tail(n) hit() if n == 0 then return 0 end return tail(n - 1) end
local even, odd
function even(n) hit() if n == 0 then return true end return odd(n - 1) end
function odd(n) hit() if n == 0 then return false end return even(n - 1) end
local function tail_varied(n, ...) hit() if n == 0 then return ... end return tail_varied(n - 1, n, ...) end
local function tail_to_c(n) hit() return tostring(n) end
local function tail_to_many(...) hit() return many(...) end
local callable = setmetatable({}, { __call = function(self, n) hit() return n end })
local function tail_to_callable(n) hit() return callable(n) end
local function tail_through_c(n) hit() return pcall(nothing, n) end

-- Errors: through three functions, of a handler's, across C, of C, and thrown again.
local function bad() lost() error("x") end
local function bad_in_middle() lost() bad() return 1 end
local function bad_at_top() lost() bad_in_middle() return 1 end
local function bad_index() lost() local t = nil return t.x.y end
local function bad_c() lost() return (string.rep()) end
local function bad_below_c() lost() table.sort({ 3, 2, 1 }, bad) return 1 end
local function catches() hit() pcall(bad_at_top) return 1 end
local function again() lost() local ok, what = pcall(bad_at_top) error(what) end
local function bad_tail(n) hit() return bad_at_top(n) end	-- which ends when it calls
local function handler(what) hit() return what end
local function reaches(n) if n == 0 then return true end local x = reaches(n - 1) return x end
local deepest = pcall(reaches, 3010) and 3000 or 150		-- in 5.4.0 and 5.4.1 each call is one of C's, too
local function deep_lost(n) lost() if n > 0 then local x = deep_lost(n - 1) return x end error({}) end
local function catches_itself(n) hit() if n == 0 then return end pcall(catches_itself, n - 1) pcall(bad) return n end

-- By C: callbacks, metamethods, iterators, what is loaded.
local function less(a, b) hit() return a < b end
local function upper(c) hit() return c:upper() end
local loaded = target.load("local hit = ... hit() return function(n) hit() return n end", "=loaded")
local function iterate(t, i) hit() if i < 5 then return i + 1 end end
local number = {}
for _, event in ipairs { "__add", "__concat", "__index", "__lt", "__le", "__eq", "__unm", "__len" } do
	number[event] = function(a, b) hit() return event == "__add" and a or 1 end
end
number.__newindex = function(t, k, v) hit() nothing() end

-- Coroutines: suspended in nested functions, in each other, across C, with errors, never resumed, dropped.
local function inner(n) hit() suspend(n) nothing() return n end
local function body(n) hit() for i = 1, n do inner(i) suspend(i) end return n end
local function nest(n) hit() local co = wrap(body) for i = 1, 2 * n + 1 do co(n) suspend(i) end return n end
local function body_bad(n) lost() suspend(n) bad_at_top() end
local function body_tail(n) hit() suspend(n) return tail(n) end
local function endless() while true do hit() yield() end end	-- counted as often as it begins
local function dropped(n) hit() suspend(n) nothing() end
local function protected(n) hit() local ok, x = pcall(inner, n) pcall(body_bad, n) return x end
local function generate(n) hit() for i = 1, n do suspend(i) end end

local function run(f, n, times)
	local co = coroutine.create(f)
	for i = 1, times do coroutine.resume(co, n) end
end

local function metamethods(v)
	hit()
	local w = setmetatable({}, number)
	local _ = v + w, v .. w, v.x, v < w, v == w, -v, v <= w
	v.y = 1
	if since_52 then _ = #v end
end

local function work()
	hit()
	fib(12) nothing() many() varied(1, nil, 3) varied() optional(1) optional(1, 2, 3) deep(200)
	for i = 1, 3 do one(i) other(i) other(i) end
	for i = 1, 10 do closure(i)() object:method(i):method(i) end
	tail(50) even(31) tail_varied(20, 1, 2) tail_to_c(1) tail_to_many(1, 2) tail_to_callable(7) tail_through_c(1)
	for i = 1, 3 do
		pcall(bad_at_top) pcall(bad_index) pcall(bad_c) pcall(bad_below_c) pcall(again) pcall(bad_tail) catches()
		xpcall(bad_at_top, handler)
	end
	pcall(deep_lost, deepest) catches_itself(5)
	table.sort({ 5, 2, 8, 1, 9, 3 }, less) string.gsub("abcdef", ".", upper)
	loaded(hit)(1)
	for _ in iterate, {}, 0 do nothing() end
	metamethods(setmetatable({}, number)) callable(1)
	local co = wrap(nest)
	for i = 1, 8 do co(3) end
	run(body_bad, 1, 2) run(body_tail, 3, 2) run(dropped, 1, 1) run(generate, 4, 5)
	for i = 1, 50 do run(dropped, 1, 1) if i % 10 == 0 then collectgarbage() end end
	local forever = wrap(endless)
	forever()
	if since_52 then run(protected, 1, 3) end
	return work
end

target.say { ready = "ready" }
while not io.open(arg[2]) do end -- until scry watches
work() work()
target.say { calls = calls, errors = errors, resumes = resumes }
