-- Whether a key is there. Writes nothing.
--
-- KEYS  key
-- Returns 1 or 0
return redis.call('EXISTS', KEYS[1])
