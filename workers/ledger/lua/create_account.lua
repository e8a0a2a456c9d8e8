-- Creates an empty account.
--
-- KEYS  account, optionally an idempotency key
-- ARGV  account id, price, fingerprint of the request, kept_s
-- Returns {'ok', account id, price, available, held, used, put_in, generation}, {'exists'} or
--   {'key_reused'}; with a known idempotency key the first answer again
local first = recall(KEYS[2], ARGV[3])
if first then return first end
if redis.call('EXISTS', KEYS[1]) == 1 then return { 'exists' } end
redis.call('HSET', KEYS[1], 'price', ARGV[2], 'available', 0, 'held', 0, 'used', 0, 'put_in', 0,
  'generation', 1)
return remember(KEYS[2], ARGV[3], ARGV[4], { 'ok', ARGV[1], ARGV[2], '0', '0', '0', '0', '1' })
