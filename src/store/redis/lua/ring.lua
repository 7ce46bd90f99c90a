--[[
  Appends to a capped ring and publishes. The oldest is deleted (not trimmed), because the server then remembers the
  highest deleted id, from which a reader knows exactly whether it missed something.

  KEYS     [1] ring
  ARGV     [1] cap, [2] channel, [3] payload
  RETURNS  the entry
  EMITS    the payload on the channel
]]
local entry = redis.call('XADD', KEYS[1], '*', 'p', ARGV[3])
local over = redis.call('XLEN', KEYS[1]) - ARGV[1]
if over > 0 then
  for _, oldest in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', over)) do redis.call('XDEL', KEYS[1], oldest[1]) end
end
redis.call('PUBLISH', ARGV[2], ARGV[3])
return entry
