-- Begins one try to settle a leg, unless somebody else took it over: moves its due time to the
-- next try plus a lease, by comparing it with the due time the caller was given.
--
-- KEYS  leg, due, reasons, clock
-- ARGV  tid, given due_ms ('0': whatever it is), backoff_ms until the next try, lease_ms
-- Returns {'claimed', new due_ms} or {'ended', '0'}: settled, unknown, parked or taken over
local tid = ARGV[1]
local due = redis.call('ZSCORE', KEYS[2], tid)
if not due then return { 'ended', '0' } end

-- pcall: a record of another type can be claimed too. Whoever then tries it finds out, and parks it.
local state = redis.pcall('HGET', KEYS[1], 'state')
local gone = not state and redis.call('EXISTS', KEYS[1]) == 0
local over = gone or state == 'committed' or state == 'returned'
if over and redis.call('HEXISTS', KEYS[3], tid) == 0 then -- not one that was parked for it
  redis.call('ZREM', KEYS[2], tid)
  return { 'ended', '0' }
end
if ARGV[2] ~= '0' and tonumber(ARGV[2]) ~= tonumber(due) then return { 'ended', '0' } end

local now = clock(KEYS[4])
local next_try = now + tonumber(ARGV[3])
local new_due = exact(next_try + tonumber(ARGV[4]))
redis.call('ZADD', KEYS[2], new_due, tid)
if type(state) == 'string' then
  redis.call('HINCRBY', KEYS[1], 'tries', 1)
  redis.call('HSET', KEYS[1], 'next_try_ms', exact(next_try))
end
keep_clock(KEYS[4], now)
return { 'claimed', new_due }
