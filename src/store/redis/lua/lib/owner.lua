--[[
  Who may act for a work group; included by the scripts of work groups.

  KEYS     [1] stream, [2] fences, [3] tries
  ARGV     [1] group, [2] owner, [3] fence, [4] fence field, [5] tries field prefix; own arguments from [6]
]]
local stream, fences, tries, group, owner, prefix = KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], ARGV[5]

-- False for a fence below the highest seen of this owner.
local function current()
  local highest = redis.call('HGET', fences, ARGV[4])
  return not highest or tonumber(ARGV[3]) >= tonumber(highest)
end

-- As current(), and remembers a higher fence.
local function register()
  local highest = redis.call('HGET', fences, ARGV[4])
  if highest and tonumber(ARGV[3]) < tonumber(highest) then return false end
  if highest ~= ARGV[3] then redis.call('HSET', fences, ARGV[4], ARGV[3]) end
  return true
end

local function holds(entry) return #redis.call('XPENDING', stream, group, entry, entry, 1, owner) > 0 end

-- Attempts of many entries; 1 for those never retried.
local function attempts_of(entries)
  if #entries == 0 or redis.call('EXISTS', tries) == 0 then return {} end
  local fields = {}
  for index, entry in ipairs(entries) do fields[index] = prefix .. entry end
  return redis.call('HMGET', tries, unpack(fields))
end
