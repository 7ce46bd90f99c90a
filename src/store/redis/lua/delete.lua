--[[
  Deletes a record when its version is the expected one.

  KEYS     [1] record
  ARGV     [1] expected version or ''
  RETURNS  the version it had (0: there was none); with the JSON that is there instead when it was not the expected one
  EMITS    nothing
]]
local record = redis.call('HMGET', KEYS[1], 'v', 'd')
local version = tonumber(record[1] or 0)
if ARGV[1] ~= '' and tonumber(ARGV[1]) ~= version then return { version, record[2] or '' } end
redis.call('DEL', KEYS[1])
return { version }
