-- SPDX-License-Identifier: GPL-2.0-only
-- What the Lua targets share: how they say that they are ready, and what they know of themselves.
local target = { version = (_VERSION:gsub("Lua ", "")), jit = jit and jit.version or false }
target.load = loadstring or load

-- ns that this process has waited for a CPU, as the scheduler counts; 0 where there is no /proc (in a root of its own).
function target.waited()
	local file = io.open("/proc/self/schedstat")
	if not file then return 0 end
	local ns = file:read("*l"):match("^%d+ (%d+)")
	file:close()
	return tonumber(ns)
end

local function quote(s)
	return '"' .. s:gsub('[%c"\\]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
end

function target.json(v)
	if type(v) ~= "table" then
		return type(v) == "string" and quote(v) or tostring(v)
	end
	local parts = {}
	if #v > 0 or next(v) == nil then
		for i = 1, #v do parts[i] = target.json(v[i]) end
		return "[" .. table.concat(parts, ",") .. "]"
	end
	for k, x in pairs(v) do parts[#parts + 1] = quote(k) .. ":" .. target.json(x) end
	return "{" .. table.concat(parts, ",") .. "}"
end

function target.say(known)
	io.write(target.json(known), "\n")
	io.flush()
end

-- A frame as scry is to show it: its name, its source, its line.
local function frame(info)
	local source = info.source
	if source:find("^[@=]") then source = source:sub(2) else source = info.short_src end
	if info.what == "C" then return { info.name or "*", "[C]", 0 } end
	if info.linedefined == 0 then return { "main chunk", source, info.currentline } end
	return { info.name or ("function <%s:%d>"):format(source, info.linedefined), source, info.currentline }
end

-- The stack from `level` on (1: who calls this), innermost first.
function target.chain(level)
	local frames, what = {}, target.version == "5.1" and "nSl" or "nSlt"
	if debug.getinfo(level, what).istailcall then frames[1] = { "[tail calls]", "", 0 } end
	while true do
		local info = debug.getinfo(level + 1, what)
		if not info then return frames end
		if info.what == "tail" then
			frames[#frames + 1] = { "[tail calls]", "", 0 }
		else
			frames[#frames + 1] = frame(info)
			if info.istailcall then frames[#frames + 1] = { "[tail calls]", "", 0 } end
		end
		level = level + 1
	end
end

return target
