--[[
  Appends a batch of posts; each stands alone.

  KEYS     five per room, see lib/post.lua
  ARGV     [1] append · look: nothing is written · restore: as append, for posts that a restarted server lost
           [2] PUBLISH or SPUBLISH
           [3] number of rooms; then for each room: name, ring channel, number of posts,
               then for each post: message id, body, and to restore the entry id it had
  RETURNS  one string per post, rooms in the order given:
           '<entry>' appended · '=<entry>' was there already · 'F<bytes held> <quota>' full · 'U' unknown room
  EMITS    per slot group one publish on its ring channel: ring count NUL (room NUL last entry NUL)...
]]
-- include: post
local look, restore, results, at = ARGV[1] == 'look', ARGV[1] == 'restore', {}, 4
local fields = restore and 3 or 2
for index = 1, tonumber(ARGV[3]) do
  local room = load_room(index, ARGV[at], ARGV[at + 1])
  local count = tonumber(ARGV[at + 2])
  at = at + 3
  if room.known and count > 1 then
    local ids = {}
    for post = 1, count do ids[post] = ARGV[at + (post - 1) * fields] end
    prefetch(room, ids)
  end
  local looked = 0
  for _ = 1, count do
    local id, body, wanted = ARGV[at], ARGV[at + 1], restore and ARGV[at + 2]
    at = at + fields
    local found = room.known and find(room, id)
    local result
    if not room.known then result = 'U'
    elseif found then result = '=' .. found
    elseif not fits(room, looked + #body) then result = 'F' .. text(bytes_of(room)) .. ' ' .. text(room.quota)
    elseif look then
      looked = looked + #body
      result = ''
    else result = add(room, id, body, wanted) end
    results[#results + 1] = result
  end
end
flush(ARGV[2])
return results
