-- What was decided about an order lately, the latest last. Writes nothing.
--
-- KEYS  the order's history
-- Returns entries: version, verdict, at_ms, by, why, with tabs between them
return redis.call('LRANGE', KEYS[1], 0, -1)
