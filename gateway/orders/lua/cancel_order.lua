-- Cancels an open order for good. Its version and content grow, so a checkout that is under way is
-- aborted, and doesn't try again.
--
-- KEYS  order, clock, the order's history, optionally an idempotency key
-- ARGV  by, why, most (entries of the history), its kept_s; fingerprint of the request, kept_s
-- Returns {'ok', user, lines, total, version, content, '', '1'} when it is cancelled, now or before;
--   or {word}, with nothing changed: not_found, paid, key_reused; with a known idempotency key the
--   first answer again
local first = recall(KEYS[4], ARGV[5])
if first then return first end

local function cancel()
  local order = redis.call('HMGET', KEYS[1], 'user', 'version', 'paid_at', 'cancelled')
  if not order[1] then return { 'not_found' } end
  if order[3] then return { 'paid' } end
  if not order[4] then
    local version, now = whole(order[2], 'its version'), clock(KEYS[2])
    redis.call('HINCRBY', KEYS[1], 'content', 1)
    redis.call('HSET', KEYS[1], 'version', exact(version + 1), 'cancelled', 1)
    keep_clock(KEYS[2], now)
    note_past(KEYS[3], version, 'abort', now, ARGV[1], ARGV[2], ARGV[3], ARGV[4])
  end
  local fields = redis.call('HMGET', KEYS[1], 'user', 'lines', 'total', 'version', 'content')
  return { 'ok', fields[1], fields[2], fields[3], fields[4], fields[5], '', '1' }
end

return remember(KEYS[4], ARGV[5], ARGV[6], cancel())
