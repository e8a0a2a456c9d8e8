-- Puts a leg aside that doesn't heal by itself: kept for good, listed, with its reason.
--
-- KEYS  leg, due, parked, reasons, waiting, clock
-- ARGV  tid, reason
-- Returns 1, or 0 if there is no such leg: nothing was written
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local now = clock(KEYS[6])
redis.call('PERSIST', KEYS[1])
-- pcall: a record of another type can be parked too.
local tries = with_try(redis.pcall('HGET', KEYS[1], 'recent_tries'), now, ARGV[2])
redis.pcall('HSET', KEYS[1], 'cause', ARGV[2], 'recent_tries', tries)
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZADD', KEYS[3], 'NX', exact(now), ARGV[1])
redis.call('HSET', KEYS[4], ARGV[1], ARGV[2])
redis.call('SREM', KEYS[5], ARGV[1])
keep_clock(KEYS[6], now)
return 1
