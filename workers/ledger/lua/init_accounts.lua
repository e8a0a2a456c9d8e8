-- Writes some accounts anew, in a new generation each. Legs and the due index stay as they are: a
-- leg of an older generation will leave the account's balance alone when it settles. What the
-- generations before have sold, or spent, is added up in `used_before`.
--
-- KEYS  totals, optionally an idempotency key
-- ARGV  prefix of the accounts' keys, first, last (the ids), amount, price, fingerprint, kept_s
-- Returns {'ok'}; with a known idempotency key the first answer again, or {'key_reused'}
local first_answer = recall(KEYS[2], ARGV[6])
if first_answer then return first_answer end
local readable = true
for id = tonumber(ARGV[2]), tonumber(ARGV[3]) do
  local key = ARGV[1] .. exact(id)
  local before = redis.call('HMGET', key, 'put_in', 'available', 'held', 'used')
  local generation = redis.call('HINCRBY', key, 'generation', 1)
  if generation > 1 then
    for i, name in ipairs({ 'put_in', 'available', 'held', 'used' }) do
      -- What can't be read can't be kept. The audit will miss it.
      local amount = string.match(before[i] or '', '^%-?%d+$')
      if amount then move_total(KEYS[1], name, -tonumber(amount)) else readable = false end
      if name == 'used' and tonumber(amount or 0) > 0 then
        redis.call('HINCRBY', key, 'used_before', amount)
      end
    end
  end
  redis.call('HSET', key, 'price', ARGV[5], 'available', ARGV[4], 'held', 0, 'used', 0, 'put_in', ARGV[4])
  move_total(KEYS[1], 'put_in', tonumber(ARGV[4]))
  move_total(KEYS[1], 'available', tonumber(ARGV[4]))
end
write_totals(KEYS[1])
if not readable then forget_totals(KEYS[1]) end
return remember(KEYS[2], ARGV[6], ARGV[7], { 'ok' })
