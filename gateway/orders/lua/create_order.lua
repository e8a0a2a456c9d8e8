-- Creates an empty order.
--
-- KEYS  order, the user's list, the numbers of the lists, optionally an idempotency key
-- ARGV  order id, user, fingerprint of the request, kept_s
-- Returns {'ok', order id}, {'exists'} or {'key_reused'}; with a known idempotency key the first
--   answer again
local first = recall(KEYS[4], ARGV[3])
if first then return first end
if redis.call('EXISTS', KEYS[1]) == 1 then return { 'exists' } end
redis.call('HSET', KEYS[1], 'record', 1, 'user', ARGV[2], 'lines', '', 'total', 0, 'version', 1, 'content', 1)
redis.call('ZADD', KEYS[2], exact(redis.call('INCR', KEYS[3])), ARGV[1])
return remember(KEYS[4], ARGV[3], ARGV[4], { 'ok', ARGV[1] })
