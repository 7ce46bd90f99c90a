--[[
  Lists a node as alive until ttl from now, and drops nodes whose time ran out.

  KEYS     [1] nodes by expiry, [2] summaries
  ARGV     [1] node, [2] ttl in ms, [3] summary as JSON; without [2] and [3] the node is withdrawn
  RETURNS  1; for a withdrawal 0 when it was not listed
  EMITS    nothing
]]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
  redis.call('ZREM', KEYS[1], gone)
  redis.call('HDEL', KEYS[2], gone)
end
if not ARGV[2] then
  redis.call('HDEL', KEYS[2], ARGV[1])
  return redis.call('ZREM', KEYS[1], ARGV[1])
end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
return 1
