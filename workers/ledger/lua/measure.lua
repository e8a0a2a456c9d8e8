-- What is worth watching of a party, at one instant. Writes nothing.
--
-- KEYS  due, parked, reasons, totals, clock
-- ARGV  prefix of the legs' keys, the most legs to look at
-- Returns {clock_ms; how many legs are due some time; how many are parked; how many of those looked at are
--   past their deadline; for how many ms the oldest of them is; then of the totals put_in,
--   available, held, used, each '' if they are not known; then each reason for which some of those
--   looked at are parked, and how many}
local now = clock(KEYS[5])
local overdue, oldest_ms = 0, 0
for _, tid in ipairs(redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[2]) - 1)) do
  -- pcall: a record of another type is one leg's trouble.
  local deadline = redis.pcall('HGET', ARGV[1] .. tid, 'deadline_ms')
  local late_ms = type(deadline) == 'string' and now - (tonumber(deadline) or now) or 0
  if late_ms > 0 then overdue = overdue + 1 end
  oldest_ms = math.max(oldest_ms, late_ms)
end
local totals = redis.call('HMGET', KEYS[4], 'put_in', 'available', 'held', 'used', 'unknown')
local known = not totals[5] and (totals[1] or totals[2] or totals[3] or totals[4])
local answer = { exact(now), redis.call('ZCARD', KEYS[1]), redis.call('ZCARD', KEYS[2]), overdue, exact(oldest_ms) }
for i = 1, 4 do answer[5 + i] = known and (totals[i] or '0') or '' end
local parked = redis.call('ZRANGE', KEYS[2], 0, tonumber(ARGV[2]) - 1)
local reasons, counts = #parked > 0 and redis.call('HMGET', KEYS[3], unpack(parked)) or {}, {}
for i = 1, #parked do
  local reason = reasons[i] or ''
  counts[reason] = (counts[reason] or 0) + 1
end
for reason, count in pairs(counts) do
  answer[#answer + 1] = reason
  answer[#answer + 1] = count
end
return answer
