--[[
  Takes new entries for an owner. Under an old fence it takes nothing.

  KEYS     [1..3] see lib/owner.lua
  ARGV     [1..5] see lib/owner.lua, [6] how many
  RETURNS  entry, message id, body in turn; each is a first attempt
  EMITS    nothing
]]
-- include: owner
if not register() then return {} end
local taken, flat = redis.call('XREADGROUP', 'GROUP', group, owner, 'COUNT', ARGV[6], 'STREAMS', stream, '>'), {}
if not taken then return flat end
for index, entry in ipairs(taken[1][2]) do
  local at, fields = index * 3, entry[2]
  flat[at - 2], flat[at - 1], flat[at] = entry[1], fields[2], fields[4]
end
return flat
