--[[
  Notes changes of sessions in their stream, for a cluster, where the sessions themselves are in other slots.

  KEYS     [1] stream of changes
  ARGV     [1] entries the stream keeps, [2] channel, [3] what is published there
           then for each entry: session, field, version or '' for a write under way, '1' when it erases or ''
  RETURNS  1
  EMITS    an entry 'k session f field v version [e 1]' or 'k session f field i 1' each, and one publish
]]
for at = 4, #ARGV, 4 do
  local entry = { 'k', ARGV[at], 'f', ARGV[at + 1] }
  if ARGV[at + 2] == '' then entry[5], entry[6] = 'i', '1' else entry[5], entry[6] = 'v', ARGV[at + 2] end
  if ARGV[at + 3] ~= '' then entry[7], entry[8] = 'e', '1' end
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(entry))
end
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 1
