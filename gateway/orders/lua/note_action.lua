-- Writes down what an operator has done. The log only grows at its end, and forgets its oldest.
--
-- KEYS  actions, clock
-- ARGV  most (entries that are kept, and perhaps a few more), who, verb, target, count, reason, result
-- Returns 'ok'
local now = clock(KEYS[2])
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'at_ms', exact(now), 'who', ARGV[2], 'verb', ARGV[3],
  'target', ARGV[4], 'count', ARGV[5], 'reason', ARGV[6], 'result', ARGV[7])
return 'ok'
