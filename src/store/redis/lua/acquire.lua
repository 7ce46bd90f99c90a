--[[
  Takes a lease that is free or already this holder's, under a new fence: the higher of the last one + 1 and the server's
  time in microseconds, so that a server that lost its data cannot give an old fence again.

  KEYS     [1] lease, [2] highest fence
  ARGV     [1] holder, [2] ttl in ms
  RETURNS  the fence, or nil when someone else holds it
  EMITS    nothing
]]
local held = redis.call('GET', KEYS[1])
if held and string.match(held, '^%d+ (.*)$') ~= ARGV[1] then return false end
local clock = redis.call('TIME')
local fence = string.format('%.0f', math.max(tonumber(redis.call('GET', KEYS[2]) or 0) + 1, clock[1] * 1000000 + clock[2]))
redis.call('SET', KEYS[2], fence)
redis.call('SET', KEYS[1], fence .. ' ' .. ARGV[1], 'PX', ARGV[2])
return fence
