-- What matters of legs that wait, to choose and to count by. Writes nothing.
--
-- KEYS  index (the due index, or that of what is parked), reasons
-- ARGV  prefix of the legs' keys, then tids
-- Returns for each tid that still stands in the index {tid, cause, lines, held_at_ms, tries,
--   next_try_ms}, with '' for what its record doesn't tell
local found = {}
for i = 2, #ARGV do
  local tid = ARGV[i]
  if redis.call('ZSCORE', KEYS[1], tid) then
    -- pcall: a record of another type is one leg's trouble.
    local leg = redis.pcall('HMGET', ARGV[1] .. tid, 'cause', 'lines', 'held_at_ms', 'tries', 'next_try_ms')
    local cause = leg[1] or redis.call('HGET', KEYS[2], tid) -- for that record there is a reason alone
    found[#found + 1] = { tid, cause or '', leg[2] or '', leg[3] or '', leg[4] or '', leg[5] or '' }
  end
end
return found
