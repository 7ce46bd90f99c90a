--[[
  Restarts the idle time of entries that this owner holds.

  KEYS     [1..3] see lib/owner.lua
  ARGV     [1..5] see lib/owner.lua, [6...] entries
  RETURNS  those of the entries that are its own
  EMITS    nothing
]]
-- include: owner
if not current() then return {} end
local still = {}
for index = 6, #ARGV do
  if holds(ARGV[index]) then still[#still + 1] = ARGV[index] end
end
if #still > 0 then
  local claim = { unpack(still) }
  claim[#claim + 1] = 'JUSTID'
  redis.call('XCLAIM', stream, group, owner, 0, unpack(claim))
end
return still
