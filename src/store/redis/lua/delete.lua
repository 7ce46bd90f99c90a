--[[
  Deletes a record when its version is the expected one.

  KEYS     [1] record
  ARGV     [1] expected version or ''
  RETURNS  0; or the version and JSON that are there instead (0 and '' when there is none)
  EMITS    nothing
]]
local record = redis.call('HMGET', KEYS[1], 'v', 'd')
local version = tonumber(record[1] or 0)
if ARGV[1] ~= '' and tonumber(ARGV[1]) ~= version then return { version, record[2] or '' } end
redis.call('DEL', KEYS[1])
return { 0 }
