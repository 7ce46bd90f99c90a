--[[
  Moves an entry this owner holds into the dead letters of the room: the copy first, the acknowledgement last.

  KEYS     [1..3] see lib/owner.lua, [4] dead letters, [5] about the room
  ARGV     [1..5] see lib/owner.lua, [6] entry, [7] reason
  RETURNS  1, or 0 when it is not this owner's
  EMITS    nothing
]]
-- include: owner
if not current() or not holds(ARGV[6]) then return 0 end
local found = redis.call('XRANGE', stream, ARGV[6], ARGV[6])[1]
if found then
  local clock = redis.call('TIME')
  redis.call('XADD', KEYS[4], 'MAXLEN', redis.call('HGET', KEYS[5], 'cap') or 10000, '*', 'o', ARGV[6], 'i', found[2][2], 'b', found[2][4],
    'g', group, 'r', ARGV[7], 'a', redis.call('HGET', tries, prefix .. ARGV[6]) or '1',
    't', string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000)))
end
redis.call('XACK', stream, group, ARGV[6])
redis.call('HDEL', tries, prefix .. ARGV[6])
return 1
