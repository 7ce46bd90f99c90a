--[[
  Posting into rooms; included by append.lua and commit.lua.

  Each room takes five KEYS in a row: stream, about, ids bucket 0, ids bucket 1, `last` hash of its slot group.
  Entry ids are made here: <ms>-<number>, numbered without gaps, ms never going back.
  Entries have the fields i (message id), b (body), s (bytes of all bodies before it), so that the bytes a room holds are
  known from its first entry alone, whatever was trimmed.
  Message ids are remembered in two buckets that take turns every dedupeMs; each expires when its next turn begins.
]]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function text(number) return string.format('%.0f', number) end
local function sequence_of(id) return tonumber(string.match(id, '%-(%d+)$')) end

local rooms = {}

local function load_room(index, name, channel)
  local base = (index - 1) * 5
  local room = { name = name, channel = channel, stream = KEYS[base + 1], about = KEYS[base + 2], last = KEYS[base + 5], added = 0 }
  rooms[index] = room
  local about = redis.call('HMGET', room.about, 'cap', 'quota', 'dedupe', 'seq', 'ms', 'total', 'base', 'first', 'trim')
  if not about[1] then return room end
  room.known = true
  room.cap, room.quota, room.dedupe = tonumber(about[1]), tonumber(about[2]), tonumber(about[3])
  room.seq, room.ms, room.total = tonumber(about[4] or 0), tonumber(about[5] or 0), tonumber(about[6] or 0)
  room.base, room.first, room.trim = tonumber(about[7] or 0), tonumber(about[8] or 1), tonumber(about[9] or 0)
  local turn = math.floor(now / room.dedupe)
  room.expires = (turn + 2) * room.dedupe
  room.fresh, room.older = KEYS[base + 3 + turn % 2], KEYS[base + 3 + (turn + 1) % 2]
  room.seen, room.ids = {}, {}
  return room
end

-- Looks up many message ids at once; find() then needs no call for them.
local function prefetch(room, ids)
  local seen, fresh, older = room.seen, redis.call('HMGET', room.fresh, unpack(ids)), nil
  if redis.call('EXISTS', room.older) == 1 then older = redis.call('HMGET', room.older, unpack(ids)) end
  for index, id in ipairs(ids) do seen[id] = fresh[index] or (older and older[index]) or false end
end

local function find(room, id)
  local entry = room.seen[id]
  if entry == nil then
    entry = redis.call('HGET', room.fresh, id) or redis.call('HGET', room.older, id)
    room.seen[id] = entry
  end
  return entry
end

-- Below the lowest number that is pending in, or not yet delivered to, a work group nothing is trimmed.
local function trim(room)
  local keep, minid = room.seq - room.cap + 1, nil
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', room.stream)) do
    local name, pending, delivered = group[2], group[6], group[8]
    local needed
    if pending > 0 then needed = redis.call('XPENDING', room.stream, name)[2]
    else
      local ms, sequence = string.match(delivered, '^(%d+)%-(%d+)$')
      needed = ms .. '-' .. text(sequence + 1)
    end
    if sequence_of(needed) < keep then keep, minid = sequence_of(needed), needed end
  end
  room.trim = room.seq + math.max(16, math.floor(room.cap / 10))
  if keep <= room.first then return end
  if minid then redis.call('XTRIM', room.stream, 'MINID', '=', minid)
  else redis.call('XTRIM', room.stream, 'MAXLEN', '=', room.cap) end
  local first = redis.call('XRANGE', room.stream, '-', '+', 'COUNT', 1)[1]
  if first then room.first, room.base = sequence_of(first[1]), tonumber(first[2][6])
  else room.first, room.base = room.seq + 1, room.total end
  room.changed = true
end

local function bytes_of(room) return room.total - room.base end

-- True when `more` bytes fit, if need be after trimming what is above the cap and no longer needed.
local function fits(room, more)
  if bytes_of(room) + more <= room.quota then return true end
  if room.seq - room.first + 1 > room.cap then trim(room) end
  return bytes_of(room) + more <= room.quota
end

-- `wanted` is an id the entry had before a restart lost it: kept when it is the next number.
local function add(room, id, body, wanted)
  local sequence, ms = room.seq + 1, math.max(now, room.ms)
  if wanted and wanted ~= '' and sequence_of(wanted) == sequence then
    ms = math.max(tonumber(string.match(wanted, '^%d+')), room.ms)
  end
  -- Lua writes whole numbers below 10^14 out in full, and `..` is cheaper than string.format.
  local entry = ms .. '-' .. sequence
  redis.call('XADD', room.stream, entry, 'i', id, 'b', body, 's', room.total .. '')
  room.seq, room.ms, room.total = sequence, ms, room.total + #body
  room.seen[id] = entry
  room.added = room.added + 1
  room.ids[room.added * 2 - 1], room.ids[room.added * 2] = id, entry
  room.entry = entry
  return entry
end

-- Writes back the counters and ids of rooms that were posted to, trims, and rings each slot group once.
local function flush(publish)
  local rung = {}
  for _, room in pairs(rooms) do
    if room.added > 0 then
      for from = 1, #room.ids, 4000 do redis.call('HSET', room.fresh, unpack(room.ids, from, math.min(from + 3999, #room.ids))) end
      if redis.call('HLEN', room.fresh) == room.added then redis.call('PEXPIREAT', room.fresh, text(room.expires)) end
      if room.seq - room.first + 1 > room.cap and room.seq >= room.trim then trim(room) end
      redis.call('HSET', room.last, room.name, room.entry)
      local ring = rung[room.channel]
      if not ring then
        ring = { last = room.last, '' }
        rung[room.channel] = ring
      end
      ring[#ring + 1] = room.name
      ring[#ring + 1] = room.entry
    end
    if room.added > 0 or room.changed then
      redis.call('HSET', room.about, 'seq', text(room.seq), 'ms', text(room.ms), 'total', text(room.total),
        'base', text(room.base), 'first', text(room.first), 'trim', text(room.trim))
    end
  end
  for channel, ring in pairs(rung) do
    ring[1] = text(redis.call('HINCRBY', ring.last, '', 1))
    redis.call(publish, channel, table.concat(ring, '\0'))
  end
end
