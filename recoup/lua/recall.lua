-- The first answer given under an idempotency key. Writes nothing.
--
-- KEYS  idempotency key
-- ARGV  fingerprint of the request
-- Returns {} if there is none, {'key_reused'} if it belongs to another request, else the answer
return recall(KEYS[1], ARGV[1]) or {}
