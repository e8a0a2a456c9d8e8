-- Put in front of every script of the ledger, behind the prelude that all share: running totals,
-- and what a leg remembers.
--
-- A party's totals are the sums over all of its accounts: a hash of put_in, available, held, used,
-- written by the same scripts as the accounts. So put_in = available + held + used always holds.

local MOST_EXACT = 2 ^ 53 - 1
local moved = {}

-- From now on nobody knows the totals. They are a check on the money, so they never stop it.
local function forget_totals(key)
  redis.call('DEL', key)
  redis.call('HSET', key, 'unknown', 1)
end

local function write_total(key, name, sum)
  if sum == 0 then return end -- and '-0' is no number to Redis
  local answer = redis.pcall('HINCRBY', key, name, exact(sum))
  -- Past 2^63, which takes a thousand accounts that are full; or something else stands there.
  if type(answer) == 'table' and answer.err then forget_totals(key) end
end

-- Adds to a total. It is summed up here, and written once, so that long legs cost no more.
local function move_total(key, name, amount)
  local sum = (moved[name] or 0) + amount
  if math.abs(sum) > MOST_EXACT then
    write_total(key, name, moved[name])
    sum = amount
  end
  moved[name] = sum
end

-- Writes what was moved. A script calls it once, after its last move.
local function write_totals(key)
  for name, sum in pairs(moved) do write_total(key, name, sum) end
end

-- So many tries are remembered with a leg: the last five minutes of one that is tried every half a
-- minute, in about a kilobyte.
local TRIES_KEPT = 10

-- The tries of a leg ("at_ms cause", a line each; nil or something else: none) and one more. The
-- oldest are forgotten.
local function with_try(tries, now, cause)
  local lines = {}
  for line in string.gmatch(type(tries) == 'string' and tries or '', '[^\n]+') do
    lines[#lines + 1] = line
  end
  lines[#lines + 1] = exact(now) .. ' ' .. cause:gsub('%c', ' ')
  return table.concat(lines, '\n', math.max(1, #lines - TRIES_KEPT + 1))
end

-- Whether a leg is another than the one that was parked under its tid: the database has lost that one,
-- and the tid was deducted once more. What the first was parked for says nothing of it. (Parking writes
-- a cause on the leg, and settling looks into the lists only if there is one.)
local function is_another(key)
  local leg = redis.pcall('HMGET', key, 'state', 'cause') -- pcall: a record of another type can be parked
  return leg[1] and not leg[2]
end
