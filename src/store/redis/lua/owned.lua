--[[
  Gives an owner back what it holds: what a lost reply, or an earlier life, left in its pending list.
  An entry whose body is gone (someone deleted it by hand) can never be handled: it is acknowledged and left out.

  KEYS     [1..3] see lib/owner.lua
  ARGV     [1..5] see lib/owner.lua, [6] after this entry, [7] how many
  RETURNS  entry, message id, body, attempt in turn
  EMITS    nothing
]]
-- include: owner
if not register() then return {} end
local held = redis.call('XREADGROUP', 'GROUP', group, owner, 'COUNT', ARGV[7], 'STREAMS', stream, ARGV[6])
if not held then return {} end
local entries, flat = {}, {}
for index, entry in ipairs(held[1][2]) do entries[index] = entry[1] end
local attempts = attempts_of(entries)
for index, entry in ipairs(held[1][2]) do
  local fields = entry[2]
  if fields then
    local at = #flat
    flat[at + 1], flat[at + 2], flat[at + 3], flat[at + 4] = entry[1], fields[2], fields[4], attempts[index] or '1'
  else redis.call('XACK', stream, group, entry[1]) end
end
return flat
