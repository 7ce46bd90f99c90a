--[[
  Replaces the config of a room. Message ids remembered so far stay for the longer of the old and the new time.

  KEYS     [1] about, [2] ids bucket 0, [3] ids bucket 1
  ARGV     [1] cap, [2] quota in bytes, [3] dedupe in ms, [4] meta as JSON
  RETURNS  1, or 0 when there is no such room
  EMITS    nothing
]]
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'cap', ARGV[1], 'quota', ARGV[2], 'dedupe', ARGV[3], 'meta', ARGV[4], 'trim', 0)
local clock = redis.call('TIME')
local expires = string.format('%.0f', clock[1] * 1000 + 2 * ARGV[3])
redis.call('PEXPIREAT', KEYS[2], expires, 'GT')
redis.call('PEXPIREAT', KEYS[3], expires, 'GT')
return 1
