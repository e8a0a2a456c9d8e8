-- The first legs of an index: the due index, or that of what is parked. Writes nothing.
--
-- KEYS  index, clock
-- ARGV  the most to return
-- Returns {clock_ms, how many there are in all, {the tids}}
local tids = redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[1]) - 1)
return { exact(clock(KEYS[2])), exact(redis.call('ZCARD', KEYS[1])), tids }
