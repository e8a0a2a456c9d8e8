-- How many legs wait for the order store to answer again. Writes nothing.
--
-- KEYS  waiting
return redis.call('SCARD', KEYS[1])
