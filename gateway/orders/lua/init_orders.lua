-- Writes some orders anew: open, two random items each, quantity 1. A version never comes back,
-- and an order that was paid keeps the versions it was paid at: their verdicts still hold. What it
-- cost and sold is added up, by user and by item. In its user's list it is the latest.
--
-- KEYS  what earlier lives of orders have cost (by user), and sold (by item), the numbers of the
--       users' lists, optionally an idempotency key
-- ARGV  prefix of the orders' keys, of the users' lists, first, last (the ids), items, users, price,
--       seed, fingerprint, kept_s
-- Returns {'ok'}; with a known idempotency key the first answer again, or {'key_reused'}
local first_answer = recall(KEYS[4], ARGV[9])
if first_answer then return first_answer end
local items, users, price = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
math.randomseed(tonumber(ARGV[8]))

-- math.random takes 32-bit bounds; there are fewer items and users than that.
local function any(count)
  return exact(math.random(count) - 1)
end

local first, last = tonumber(ARGV[3]), tonumber(ARGV[4])
local numbered = redis.call('INCRBY', KEYS[3], exact(last - first + 1)) - last

for id = first, last do
  local name = exact(id)
  local key = ARGV[1] .. name
  local order = redis.call('HMGET', key, 'paid_at', 'user', 'total', 'lines', 'cancelled')
  local paid_at = order[1]
  if paid_at then
    -- What can't be read can't be kept. The audit will miss it.
    if order[2] and string.match(order[3] or '', '^%d+$') then
      redis.call('HINCRBY', KEYS[1], order[2], order[3])
    end
    for item, pieces in string.gmatch(order[4] or '', '([^:,]+):(%d+):%d+') do
      redis.call('HINCRBY', KEYS[2], item, pieces)
    end
    local before = redis.call('HGET', key, 'paid_before')
    redis.call('HSET', key, 'paid_before', before and (before .. ',' .. paid_at) or paid_at)
    redis.call('HDEL', key, 'paid_at')
  end
  local one, other = any(items), any(items)
  local lines = one .. ':1:' .. ARGV[7] .. ',' .. other .. ':1:' .. ARGV[7]
  if one == other then lines = one .. ':2:' .. exact(2 * price) end
  redis.call('HINCRBY', key, 'version', 1)
  redis.call('HINCRBY', key, 'content', 1)
  local user = any(users)
  redis.call('HSET', key, 'record', 1, 'user', user, 'lines', lines, 'total', exact(2 * price))
  if order[5] then redis.call('HDEL', key, 'cancelled') end
  if order[2] and order[2] ~= user then redis.call('ZREM', ARGV[2] .. order[2], name) end
  redis.call('ZADD', ARGV[2] .. user, exact(numbered + id), name)
end
return remember(KEYS[4], ARGV[9], ARGV[10], { 'ok' })
