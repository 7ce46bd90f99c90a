--[[
  Restarts the time of a lease held under this fence, or gives it up.

  KEYS     [1] lease
  ARGV     [1] fence, [2] holder, [3] ttl in ms, or '' to release
  RETURNS  1, or 0 when it is not held under this fence
  EMITS    nothing
]]
if redis.call('GET', KEYS[1]) ~= ARGV[1] .. ' ' .. ARGV[2] then return 0 end
if ARGV[3] == '' then redis.call('DEL', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 1
