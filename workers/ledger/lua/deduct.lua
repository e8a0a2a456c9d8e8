-- Holds a leg: all of its lines, or none.
--
-- KEYS  leg, due, clock, totals, then the account of each line
-- ARGV  tid, deadline_ms, furthest_ms (how far ahead a deadline may be), digest, parties,
--       then account id and amount of each line
-- Returns {answer, account id or '', clock_ms}; answer is one of
--   yes            the leg is held now, or was before, or is committed
--   returned       the leg was given back: the tid is aborted
--   conflict       the leg exists with other lines, or other parties
--   ahead, late    the deadline is too far ahead, or has passed
--   unknown        an account doesn't exist
--   short          not enough, not even with all that is held
--   short_for_now  not enough, but what is held may come back
-- A refusal writes nothing, so it is worked out anew each time. Fails, with nothing written, if a
-- record can't be read.
local tid, deadline, digest = ARGV[1], tonumber(ARGV[2]), ARGV[4]
local now = clock(KEYS[3])
local ahead = deadline > now + tonumber(ARGV[3])

local function answer(word, account)
  return { word, account or '', exact(now) }
end

local leg = redis.call('HMGET', KEYS[1], 'state', 'digest', 'deadline_ms')
if leg[1] or redis.call('EXISTS', KEYS[1]) == 1 then
  if leg[2] ~= digest then return answer('conflict') end
  if known_state(leg[1]) == 'returned' then return answer('returned') end
  if leg[1] == 'held' and not ahead and deadline > tonumber(leg[3]) then
    redis.call('HSET', KEYS[1], 'deadline_ms', exact(deadline))
    -- XX: a parked leg stays parked. GT: a later look is never moved nearer.
    redis.call('ZADD', KEYS[2], 'XX', 'GT', exact(deadline), tid)
  end
  return answer('yes')
end
if ahead then return answer('ahead') end
if now > deadline then return answer('late') end

local lines, short_for_now = {}, nil
for i = 6, #ARGV, 2 do
  local id, amount = ARGV[i], tonumber(ARGV[i + 1])
  local account = redis.call('HMGET', KEYS[4 + (i - 4) / 2], 'available', 'held', 'generation')
  if not account[1] then return answer('unknown', id) end
  local available, held = whole(account[1], 'account ' .. id), whole(account[2], 'account ' .. id)
  if amount > available + held then return answer('short', id) end
  if amount > available then short_for_now = id end
  lines[#lines + 1] = id .. ':' .. ARGV[i + 1] .. ':' .. account[3]
end
if short_for_now then return answer('short_for_now', short_for_now) end

for i = 6, #ARGV, 2 do
  if tonumber(ARGV[i + 1]) > 0 then -- what is free moves nothing, and '-0' is no number to Redis
    local account = KEYS[4 + (i - 4) / 2]
    redis.call('HINCRBY', account, 'available', '-' .. ARGV[i + 1])
    redis.call('HINCRBY', account, 'held', ARGV[i + 1])
    move_total(KEYS[4], 'available', -tonumber(ARGV[i + 1]))
    move_total(KEYS[4], 'held', tonumber(ARGV[i + 1]))
  end
end
write_totals(KEYS[4])
redis.call('HSET', KEYS[1], 'state', 'held', 'record', '1', 'digest', digest,
  'lines', table.concat(lines, ','), 'parties', ARGV[5],
  'deadline_ms', exact(deadline), 'held_at_ms', exact(now))
redis.call('ZADD', KEYS[2], exact(deadline), tid)
keep_clock(KEYS[3], now)
return answer('yes')
