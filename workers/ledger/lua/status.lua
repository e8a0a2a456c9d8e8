-- What is known of a leg. Writes nothing.
--
-- KEYS  leg, due, reasons, clock
-- ARGV  tid
-- Returns {fields of the leg as name, value, …, or nil if its record is of another type; due_ms or
--   ''; reason it is parked for or ''; clock_ms}
local leg = redis.pcall('HGETALL', KEYS[1])
return {
  not leg.err and leg,
  redis.call('ZSCORE', KEYS[2], ARGV[1]) or '',
  redis.call('HGET', KEYS[3], ARGV[1]) or '',
  exact(clock(KEYS[4])),
}
