--[[
  Counts one more attempt for an entry this owner holds and restarts its idle time.

  KEYS     [1..3] see lib/owner.lua
  ARGV     [1..5] see lib/owner.lua, [6] entry
  RETURNS  the attempt, or nil when it is not this owner's
  EMITS    nothing
]]
-- include: owner
if not current() or not holds(ARGV[6]) then return false end
local attempt = tonumber(redis.call('HGET', tries, prefix .. ARGV[6]) or 1) + 1
redis.call('HSET', tries, prefix .. ARGV[6], string.format('%.0f', attempt))
redis.call('XCLAIM', stream, group, owner, 0, ARGV[6], 'JUSTID')
return attempt
