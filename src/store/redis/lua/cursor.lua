--[[
  Opens a member's cursor and registers the fence of whoever reads for it; the highest fence stays.

  KEYS     [1] cursors, [2] `last` hash of the slot group, [3] about
  ARGV     [1] member, [2] fence, [3] entry to start after, or 'end', [4] room
  RETURNS  the entry it stands at, or nil when there is no such room
  EMITS    nothing
]]
if redis.call('EXISTS', KEYS[3]) == 0 then return false end
local entry, fence = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^(%S+) (%d+)$')
if not entry then entry = ARGV[3] == 'end' and (redis.call('HGET', KEYS[2], ARGV[4]) or '0-0') or ARGV[3] end
if not fence or tonumber(ARGV[2]) > tonumber(fence) then
  redis.call('HSET', KEYS[1], ARGV[1], entry .. ' ' .. ARGV[2])
end
return entry
