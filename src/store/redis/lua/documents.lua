--[[
  Writes documents of one slot group; each stands alone. What is kept is '<version> <length of the JSON> <JSON><bytes>',
  or '<version> -' for what was deleted and '<version> !' for what was erased; a version has 16 digits.

  KEYS     the stream of changes and the counters of the group, as many of them as [1] says; then one per write:
           a memory (string) or a session (hash)
  ARGV     [1] 2 for memories · 1 for sessions · 0 for sessions of a cluster, whose stream is in another slot
           [2] entries the stream keeps, [3] bytes the group may hold, [4] channel, [5] what is published there
           then for each write: mode, name in the stream, field ('' for a memory), version to compare with, own version,
           ttl in ms or '', content (what follows the version and its blank), SHA-1 of contents that came from the same folder
           modes: w  writes when what is there has the compared version ('': whatever is there; zeros: nothing alive)
                  r  from a journal, under its own version: when what is there, deleted or not, has the compared version or is
                     one of those contents, or the server knows nothing of it (it lost it); taken as done when the same content is there
                  s  what a folder holds and this server may have lost: when its own version is above the one that is here
  RETURNS  one string per write: '+<version>' written · '=<version>' was there already · '!<version>' something else is there
           · 'Q<bytes held>' over quota
  EMITS    an entry 'k name [f field] v version [e 1 when it erases]' per write that took effect, and one publish
]]
local lead, cap, quota = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local changes, about = lead > 0 and KEYS[1], lead > 1 and KEYS[2]
local zero = '0000000000000000'
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local held_bytes = about and tonumber(redis.call('HGET', about, 'bytes') or 0)
local results, changed, at = {}, false, 6

for index = lead + 1, #KEYS do
  local key, mode, name, field = KEYS[index], ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local compare, version, ttl, content = ARGV[at + 3], ARGV[at + 4], ARGV[at + 5], ARGV[at + 6]
  local marks = ARGV[at + 7]
  at = at + 8
  local present
  if field == '' then
    if mode == 'r' then present = redis.call('GET', key) or '' else present = redis.call('GETRANGE', key, 0, 17) end
  else present = redis.call('HGET', key, field) or '' end
  local held = present == '' and zero or present:sub(1, 16)
  local mark = present:sub(18, 18)
  local live = mark ~= '' and mark ~= '-' and mark ~= '!'
  local deletes = content == '-' or content == '!'
  local result, write

  if mode == 'w' then
    if compare ~= '' and compare ~= (live and held or zero) then result = '!' .. held
    elseif deletes and not live and mark == content then result = '+' .. held
    elseif content == '-' and not live then result = '+' .. held
    elseif about and not live and not deletes and held_bytes >= quota then result = 'Q' .. string.format('%.0f', held_bytes)
    else write = string.format('%016.0f', math.max(tonumber(held) + 1, now)) end
  elseif mode == 'r' then
    if present:sub(18) == content or (deletes and not live) then result = '=' .. held
    elseif held == compare or present == '' or (marks ~= '' and marks:find(redis.sha1hex(present:sub(18)), 1, true)) then write = string.format('%016.0f', math.max(tonumber(held) + 1, tonumber(version)))
    else result = '!' .. held end
  elseif held == version then result = '=' .. held
  elseif held > version then result = '!' .. held
  else write = version end

  if write then
    local packed = write .. ' ' .. content
    if field == '' then
      if about then
        held_bytes = held_bytes - (live and redis.call('STRLEN', key) or 0) + (deletes and 0 or #packed)
      end
      if ttl == '' then redis.call('SET', key, packed) else redis.call('SET', key, packed, 'PX', ttl) end
    else
      redis.call('HSET', key, field, packed)
      if ttl ~= '' and redis.call('PTTL', key) < tonumber(ttl) then redis.call('PEXPIRE', key, ttl) end
    end
    if changes then
      local entry = { 'k', name }
      if field ~= '' then entry[3], entry[4] = 'f', field end
      entry[#entry + 1], entry[#entry + 2] = 'v', write
      if content == '!' then entry[#entry + 1], entry[#entry + 2] = 'e', '1' end
      redis.call('XADD', changes, 'MAXLEN', '~', cap, '*', unpack(entry))
    end
    changed = true
    result = '+' .. write
  end
  results[#results + 1] = result
end

if changed and about then redis.call('HSET', about, 'bytes', string.format('%.0f', held_bytes)) end
if changed and changes then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
return results
