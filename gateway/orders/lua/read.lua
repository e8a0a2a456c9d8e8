-- An order as it is, and the store's clock. Writes nothing.
--
-- KEYS  order, clock
-- Returns {user, lines, total, version, content, paid_at or '', '1' if it is cancelled or '',
--   clock_ms}, or {'', …} if there is no such order
local order = redis.call('HMGET', KEYS[1], 'user', 'lines', 'total', 'version', 'content', 'paid_at', 'cancelled')
local answer = {}
for i = 1, 7 do answer[i] = order[i] or '' end
answer[8] = exact(clock(KEYS[2]))
return answer
