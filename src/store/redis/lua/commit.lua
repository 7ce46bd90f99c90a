--[[
  Commits a batch: for each entry its effects, then - last, after every effect of the batch - the acknowledgements.
  Each commit is decided and applied on its own, all or nothing. A work commit needs the entry to be pending for this
  owner, under a fence that is not older than the highest seen; a cursor commit needs the cursor to be behind the entry.

  Everything touched must be in one slot. In a cluster the caller therefore appends posts for rooms of other slot groups
  before this script runs: first it looks (here and there) whether all of it can be applied, then it appends those posts,
  then it commits. Their message ids are the handler's own, so that a repeat after a crash in between posts them once.

  KEYS     five per room, see lib/post.lua; then the keys that ARGV refers to by number (1 = the first of these)
  ARGV     [1] 1 = only look (nothing is written), else 0
           [2] PUBLISH or SPUBLISH
           [3] number of rooms R, [4] number of contexts C, [5] number of commits N
           R x: name, ring channel
           C x: 'w', room number, fences key, tries key, group, owner, fence, fence field, tries field prefix
            or: 'c', room number, cursors key, member, fence
           N x: 'context number, entry, number of posts, number of records, 1 = dead letter or 0', separated by blanks;
                (dead letter: dead stream key, reason, attempts)
                posts: room number, message id, body; records: key, JSON or '' to delete, ttl in ms or ''
  RETURNS  one string per commit: '+' and the entries posted, separated by blanks · 'S' stale ·
           'F<room>' room full · 'U<room>' room unknown
  EMITS    per slot group one publish on its ring channel, as append.lua does
]]
-- include: post
local look = ARGV[1] == '1'
local room_count, context_count, commit_count = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local extra, at = room_count * 5, 6

for index = 1, room_count do
  load_room(index, ARGV[at], ARGV[at + 1])
  at = at + 2
end

local contexts = {}
for index = 1, context_count do
  local context
  if ARGV[at] == 'w' then
    context = { work = true, room = rooms[tonumber(ARGV[at + 1])], tries = KEYS[extra + ARGV[at + 3]], group = ARGV[at + 4], owner = ARGV[at + 5],
      prefix = ARGV[at + 8], done = {}, held = {}, acks = {} }
    local highest = redis.call('HGET', KEYS[extra + ARGV[at + 2]], ARGV[at + 7])
    context.stale = highest and tonumber(ARGV[at + 6]) < tonumber(highest)
    at = at + 9
  else
    context = { room = rooms[tonumber(ARGV[at + 1])], cursors = KEYS[extra + ARGV[at + 2]], member = ARGV[at + 3] }
    local cursor = redis.call('HGET', context.cursors, context.member)
    context.stale = true
    if cursor then
      local sequence, fence = string.match(cursor, '%-(%d+) (%d+)$')
      context.at, context.fence = tonumber(sequence), fence
      context.stale = tonumber(ARGV[at + 4]) < tonumber(fence)
    end
    at = at + 5
  end
  contexts[index] = context
end

local function is_stale(context, entry, ahead)
  if context.stale or not context.room.known then return true end
  if context.work then
    if context.done[entry] then return true end
    if not context.held[entry] then
      -- Entries are mostly committed in order: the next ones come with this one.
      for _, pending in ipairs(redis.call('XPENDING', context.room.stream, context.group, entry, '+', ahead, context.owner)) do
        context.held[pending[1]] = true
      end
    end
    return not context.held[entry]
  end
  return sequence_of(entry) <= context.at
end

local results = {}
for index = 1, commit_count do
  local number, entry, post_count, record_count, dead = string.match(ARGV[at], '^(%d+) (%S+) (%d+) (%d+) (%d)$')
  local context = contexts[tonumber(number)]
  post_count, record_count, dead = tonumber(post_count), tonumber(record_count), dead == '1'
  at = at + 1
  local dead_key, reason, attempts
  if dead then
    dead_key, reason, attempts = KEYS[extra + ARGV[at]], ARGV[at + 1], ARGV[at + 2]
    at = at + 3
  end
  local posts, records = at, at + post_count * 3
  at = records + record_count * 3

  local refused = is_stale(context, entry, math.min(100, commit_count - index + 1)) and 'S' or nil
  local more = {}
  for post = posts, records - 3, 3 do
    if refused then break end
    local room = rooms[tonumber(ARGV[post])]
    if not room.known then refused = 'U' .. room.name
    elseif not find(room, ARGV[post + 1]) then
      more[room] = (more[room] or 0) + #ARGV[post + 2]
      if not fits(room, more[room]) then refused = 'F' .. room.name end
    end
  end

  if refused or look then results[index] = refused or '+'
  else
    local posted = {}
    for post = posts, records - 3, 3 do
      local room = rooms[tonumber(ARGV[post])]
      posted[#posted + 1] = find(room, ARGV[post + 1]) or add(room, ARGV[post + 1], ARGV[post + 2], '')
    end
    for record = records, at - 3, 3 do
      local key, json, ttl = KEYS[extra + ARGV[record]], ARGV[record + 1], ARGV[record + 2]
      if json == '' then redis.call('DEL', key)
      elseif ttl == '' then redis.call('SET', key, json)
      else redis.call('SET', key, json, 'PX', ttl) end
    end
    if context.work then
      context.done[entry] = true
      context.acks[#context.acks + 1] = entry
    else
      context.at, context.entry = sequence_of(entry), entry
      local found = dead and redis.call('XRANGE', context.room.stream, entry, entry)[1]
      if found then
        redis.call('XADD', dead_key, 'MAXLEN', context.room.cap, '*', 'o', entry, 'i', found[2][2], 'b', found[2][4],
          'g', context.member, 'r', reason, 'a', attempts, 't', text(now))
      end
    end
    results[index] = '+' .. table.concat(posted, ' ')
  end
end

flush(ARGV[2])
if not look then
  for _, context in ipairs(contexts) do
    if context.entry then redis.call('HSET', context.cursors, context.member, context.entry .. ' ' .. context.fence) end
    if context.work and #context.acks > 0 then
      redis.call('XACK', context.room.stream, context.group, unpack(context.acks))
      if redis.call('EXISTS', context.tries) == 1 then
        for index, entry in ipairs(context.acks) do context.acks[index] = context.prefix .. entry end
        redis.call('HDEL', context.tries, unpack(context.acks))
      end
    end
  end
end
return results
