--[[
  Takes over entries that others hold and have not touched for a while; counts an attempt for each.
  XAUTOCLAIM would also hand an owner its own idle entries, and so handle them twice.

  KEYS     [1..3] see lib/owner.lua
  ARGV     [1..5] see lib/owner.lua, [6] idle for at least this many ms, [7] how many
  RETURNS  entry, message id, body, attempt in turn
  EMITS    nothing
]]
-- include: owner
if not register() then return {} end
local wanted, page, from, claim = tonumber(ARGV[7]), 200, '-', {}
repeat
  local pending = redis.call('XPENDING', stream, group, 'IDLE', ARGV[6], from, '+', page)
  for _, entry in ipairs(pending) do
    if entry[2] ~= owner and #claim < wanted then claim[#claim + 1] = entry[1] end
  end
  if #pending > 0 then from = '(' .. pending[#pending][1] end
until #pending < page or #claim >= wanted
if #claim == 0 then return {} end
local attempts, counted, flat = {}, attempts_of(claim), {}
for index, entry in ipairs(claim) do attempts[entry] = tonumber(counted[index] or 1) + 1 end
for _, entry in ipairs(redis.call('XCLAIM', stream, group, owner, ARGV[6], unpack(claim))) do
  local attempt = string.format('%.0f', attempts[entry[1]])
  redis.call('HSET', tries, prefix .. entry[1], attempt)
  local at = #flat
  flat[at + 1], flat[at + 2], flat[at + 3], flat[at + 4] = entry[1], entry[2][2], entry[2][4], attempt
end
return flat
