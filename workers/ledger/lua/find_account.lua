-- An account as it is. Writes nothing.
--
-- KEYS  account
-- ARGV  account id
-- Returns {'ok', account id, price, available, held, used, put_in, generation} or {'not_found'}
local account = redis.call('HMGET', KEYS[1], 'price', 'available', 'held', 'used', 'put_in', 'generation')
if not account[2] then return { 'not_found' } end
return { 'ok', ARGV[1], unpack(account) }
