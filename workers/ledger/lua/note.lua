-- Writes on a held leg why its last try did not settle it.
--
-- KEYS  leg, waiting (legs to wake when the order store answers again)
-- ARGV  tid, cause, '1' if the order store could not be reached
-- Returns 1, or 0 if the leg isn't held any more: nothing was written
if redis.call('HGET', KEYS[1], 'state') ~= 'held' then return 0 end
redis.call('HSET', KEYS[1], 'cause', ARGV[2])
redis.call(ARGV[3] == '1' and 'SADD' or 'SREM', KEYS[2], ARGV[1])
return 1
