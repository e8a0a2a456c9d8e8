-- Creates an empty order.
--
-- KEYS  order, optionally an idempotency key
-- ARGV  order id, user, fingerprint of the request, kept_s
-- Returns {'ok', order id}, {'exists'} or {'key_reused'}; with a known idempotency key the first
--   answer again
local first = recall(KEYS[2], ARGV[3])
if first then return first end
if redis.call('EXISTS', KEYS[1]) == 1 then return { 'exists' } end
redis.call('HSET', KEYS[1], 'record', 1, 'user', ARGV[2], 'lines', '', 'total', 0, 'version', 1, 'content', 1)
return remember(KEYS[2], ARGV[3], ARGV[4], { 'ok', ARGV[1] })
