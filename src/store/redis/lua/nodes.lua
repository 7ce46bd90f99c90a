--[[
  Lists the nodes whose time has not run out.

  KEYS     [1] nodes by expiry, [2] summaries
  RETURNS  node, ms left, summary as JSON in turn
  EMITS    nothing
]]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local alive, flat = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf', 'WITHSCORES'), {}
for index = 1, #alive, 2 do
  flat[#flat + 1] = alive[index]
  flat[#flat + 1] = string.format('%.0f', alive[index + 1] - now)
  flat[#flat + 1] = redis.call('HGET', KEYS[2], alive[index]) or 'null'
end
return flat
