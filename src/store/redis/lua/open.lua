--[[
  Opens a room: stores its config when it is new.

  KEYS     [1] about, [2] names of rooms of the slot group
  ARGV     [1] name, [2] cap, [3] quota in bytes, [4] dedupe in ms, [5] meta as JSON
  RETURNS  1 when created, then cap, quota, dedupe, meta as stored
  EMITS    nothing
]]
local created = 0
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'cap', ARGV[2], 'quota', ARGV[3], 'dedupe', ARGV[4], 'meta', ARGV[5])
  created = 1
end
redis.call('ZADD', KEYS[2], 0, ARGV[1])
local about = redis.call('HMGET', KEYS[1], 'cap', 'quota', 'dedupe', 'meta')
return { created, about[1], about[2], about[3], about[4] }
