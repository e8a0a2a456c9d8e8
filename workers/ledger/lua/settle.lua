-- Settles a leg by its verdict: gives back or keeps, marks the leg, leaves the due index.
-- Doing it twice changes nothing.
--
-- KEYS  leg, due, parked, reasons, waiting, clock, totals
-- ARGV  tid, verdict ('commit' or 'abort'), kept_ms (how long a settled leg is kept: by this clock,
--       which stands still after the machine's time was set back, and deadlines with it),
--       prefix of the accounts' keys (which the leg's lines complete: same hash tag)
-- Returns {result, when the leg was held in ms ('': this call has not settled it, or its record doesn't
--   tell), clock_ms}; result is one of
--   settled          by this call
--   already          by an earlier one
--   no_leg           there is none; nothing was written
--   contradiction    it was settled by the opposite verdict; nothing was written
--   missing_account  an account of the leg is gone; nothing was written
--   held_too_little  an account holds less than the leg says; nothing was written
-- Fails, with nothing written, if a record can't be read: what it says is never guessed.
local tid, commit = ARGV[1], ARGV[2] == 'commit'
local now = clock(KEYS[6])
local leg = redis.call('HMGET', KEYS[1], 'state', 'lines', 'cause', 'held_at_ms')

local function answer(word, held_at)
  return { word, held_at or '', exact(now) }
end

-- Returns whether it had been parked.
local function leave_indexes()
  redis.call('ZREM', KEYS[2], tid)
  if not leg[3] then return false end -- only a leg that resisted, and so has a cause, can be in these
  redis.call('ZREM', KEYS[3], tid)
  redis.call('SREM', KEYS[5], tid)
  return redis.call('HDEL', KEYS[4], tid) == 1
end

local function expire_later()
  redis.call('PEXPIREAT', KEYS[1], exact(now + ARGV[3]))
end

if not leg[1] and redis.call('EXISTS', KEYS[1]) == 0 then return answer('no_leg') end
local state = known_state(leg[1])
if state ~= 'held' then
  if (state == 'committed') ~= commit then return answer('contradiction') end
  if leave_indexes() then expire_later() end -- parking had made it stay
  return answer('already')
end

-- All checks come before the first write. Amounts stay text: HINCRBY reads them exactly.
local moves, before = {}, {}
for line in string.gmatch(leg[2] .. ',', '([^,]*),') do
  local id, amount, generation = string.match(line, '^([^:]+):(%d+):(%d+)$')
  if not id then error("line '" .. line .. "' of a leg can't be read") end
  local key, name = ARGV[4] .. id, 'account ' .. id
  local account = redis.call('HMGET', key, 'generation', 'held', 'available', 'used', 'used_before')
  if not account[1] then return answer('missing_account') end
  if tonumber(amount) == 0 then -- what is free moved nothing
  elseif account[1] == generation then
    for i = 2, 4 do whole(account[i], name) end
    if tonumber(account[2]) < tonumber(amount) then return answer('held_too_little') end
    moves[#moves + 1] = { key, amount }
  elseif commit then
    whole(account[5] or '0', name)
    before[#before + 1] = { key, amount }
  end
end

local to = commit and 'used' or 'available'
for _, move in ipairs(moves) do
  redis.call('HINCRBY', move[1], 'held', '-' .. move[2])
  redis.call('HINCRBY', move[1], to, move[2])
  move_total(KEYS[7], 'held', -tonumber(move[2]))
  move_total(KEYS[7], to, tonumber(move[2]))
end
write_totals(KEYS[7])
-- An account that was written anew since then knows nothing of this leg. Its balance is left
-- alone; it only remembers that an earlier generation has sold, or spent, this.
for _, move in ipairs(before) do
  redis.call('HINCRBY', move[1], 'used_before', move[2])
end
redis.call('HSET', KEYS[1], 'state', commit and 'committed' or 'returned', 'settled_at_ms', exact(now))
expire_later()
leave_indexes()
keep_clock(KEYS[6], now)
return answer('settled', leg[4])
