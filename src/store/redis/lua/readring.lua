--[[
  Reads a ring after a position.

  KEYS     [1] ring
  ARGV     [1] after this entry, [2] how many
  RETURNS  the highest entry that was dropped ('0-0' when none was), then entry and payload in turn
  EMITS    nothing
]]
if redis.call('EXISTS', KEYS[1]) == 0 then return { '0-0' } end
local info, flat = redis.call('XINFO', 'STREAM', KEYS[1]), { '0-0' }
for index = 1, #info, 2 do
  if info[index] == 'max-deleted-entry-id' then flat[1] = info[index + 1] end
end
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2])) do
  flat[#flat + 1] = entry[1]
  flat[#flat + 1] = entry[2][2]
end
return flat
