--[[
  Writes a record when its version is the expected one.

  KEYS     [1] record
  ARGV     [1] JSON, [2] expected version or '', [3] ttl in ms or ''
  RETURNS  the new version; or -version and the JSON that is there (0 and '' when there is none)
  EMITS    nothing
]]
local version = tonumber(redis.call('HGET', KEYS[1], 'v') or 0)
if ARGV[2] ~= '' and tonumber(ARGV[2]) ~= version then return { -version, redis.call('HGET', KEYS[1], 'd') or '' } end
redis.call('HSET', KEYS[1], 'v', version + 1, 'd', ARGV[1])
if ARGV[3] ~= '' then redis.call('PEXPIRE', KEYS[1], ARGV[3]) elseif version > 0 then redis.call('PERSIST', KEYS[1]) end
return { version + 1 }
