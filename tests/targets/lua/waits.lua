-- SPDX-License-Identifier: GPL-2.0-only
-- Waits for a pipe and for a child, and computes, a quarter of a second each; then tells its CPU time.
local function reads()
	local pipe = io.popen("sleep 0.25; echo x")
	pipe:read("*l")
	pipe:close()
end

local function spawns()
	os.execute("sleep 0.25")
end

local function burns()
	local finish = os.clock() + 0.25
	while os.clock() < finish do end
end

reads()
spawns()
burns()
print(string.format('{"cpu": %.6f}', os.clock()))
