-- Adds to an account, or subtracts what is available of it.
--
-- KEYS  account, totals, optionally an idempotency key
-- ARGV  account id, amount (negative: subtract), most (the bound of all that an account has),
--       fingerprint of the request, kept_s
-- Returns {'ok', account id, price, available, held, used, put_in, generation} after the change;
--   or {word}, with nothing changed: not_found, not_enough, too_much, key_reused;
--   with a known idempotency key the first answer again
local first = recall(KEYS[3], ARGV[4])
if first then return first end

local account = redis.call('HMGET', KEYS[1], 'price', 'available', 'held', 'used', 'put_in', 'generation')
local amount = tonumber(ARGV[2])
local answer
if not account[2] then
  answer = { 'not_found' }
elseif whole(account[2], ARGV[1]) + amount < 0 then
  answer = { 'not_enough' }
elseif whole(account[5], ARGV[1]) + amount > tonumber(ARGV[3]) then
  answer = { 'too_much' }
else
  redis.call('HINCRBY', KEYS[1], 'available', ARGV[2])
  redis.call('HINCRBY', KEYS[1], 'put_in', ARGV[2])
  move_total(KEYS[2], 'available', amount)
  move_total(KEYS[2], 'put_in', amount)
  write_totals(KEYS[2])
  answer = { 'ok', ARGV[1], unpack(redis.call('HMGET', KEYS[1],
    'price', 'available', 'held', 'used', 'put_in', 'generation')) }
end
return remember(KEYS[3], ARGV[4], ARGV[5], answer)
