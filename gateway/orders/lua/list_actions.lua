-- What operators have done, the latest first. Writes nothing.
--
-- KEYS  actions
-- ARGV  limit
-- Returns {{name, value, …}, …}: the fields of note_action, each before its value
local found = {}
for _, entry in ipairs(redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', ARGV[1])) do
  found[#found + 1] = entry[2]
end
return found
