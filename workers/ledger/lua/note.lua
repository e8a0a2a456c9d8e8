-- Writes on a held leg why its last try did not settle it.
--
-- KEYS  leg, waiting (legs to wake when the order store answers again), clock
-- ARGV  tid, cause, '1' if the order store could not be reached
-- Returns 1, or 0 if the leg isn't held any more: nothing was written
local leg = redis.call('HMGET', KEYS[1], 'state', 'recent_tries')
if leg[1] ~= 'held' then return 0 end
local now = clock(KEYS[3])
redis.call('HSET', KEYS[1], 'cause', ARGV[2], 'recent_tries', with_try(leg[2], now, ARGV[2]))
redis.call(ARGV[3] == '1' and 'SADD' or 'SREM', KEYS[2], ARGV[1])
keep_clock(KEYS[3], now)
return 1
