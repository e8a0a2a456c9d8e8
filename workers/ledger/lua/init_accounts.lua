-- Writes some accounts anew, in a new generation each. Legs and the due index stay as they are: a
-- leg of an older generation will leave the account alone when it settles.
--
-- KEYS  any key of the accounts' hash tag, optionally an idempotency key
-- ARGV  prefix of the accounts' keys, first, last (the ids), amount, price, fingerprint, kept_s
-- Returns {'ok'}; with a known idempotency key the first answer again, or {'key_reused'}
local first_answer = recall(KEYS[2], ARGV[6])
if first_answer then return first_answer end
for id = tonumber(ARGV[2]), tonumber(ARGV[3]) do
  local key = ARGV[1] .. exact(id)
  redis.call('HINCRBY', key, 'generation', 1)
  redis.call('HSET', key, 'price', ARGV[5], 'available', ARGV[4], 'held', 0, 'used', 0, 'put_in', ARGV[4])
end
return remember(KEYS[2], ARGV[6], ARGV[7], { 'ok' })
