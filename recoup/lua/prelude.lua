-- Put in front of every script when it is loaded: the clock, exact numbers, idempotency keys.

-- The store's clock in ms: the highest TIME it has seen, so that it never goes back.
local function clock(key)
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  return math.max(now, tonumber(redis.call('GET', key) or 0))
end

-- A whole number as text. tostring and .. would print 14 digits only.
local function exact(number)
  return string.format('%.0f', number)
end

-- Remembers what the clock showed. Scripts that write call it; those that refuse write nothing.
local function keep_clock(key, now)
  redis.call('SET', key, exact(now))
end

-- A whole number from a record. Fails, before anything is written, if it isn't one.
local function whole(text, what)
  if not string.match(text or '', '^%d+$') then error(what .. " can't be read") end
  return tonumber(text)
end

-- A leg's state, if it is one. Fails otherwise: a record that can't be read is never guessed at.
local function known_state(state)
  if state == 'held' or state == 'committed' or state == 'returned' then return state end
  error('a leg is in the unknown state "' .. tostring(state) .. '"')
end

-- The first answer given under an idempotency key: nil if there is none, {'key_reused'} if the
-- key belongs to another request. KEY may be nil: the caller sent none.
local function recall(key, fingerprint)
  if not key then return nil end
  local stored = redis.call('LRANGE', key, 0, -1)
  if #stored == 0 then return nil end
  if stored[1] ~= fingerprint then return { 'key_reused' } end
  table.remove(stored, 1)
  return stored
end

-- Keeps ANSWER (a list of strings) as the first one under KEY, and returns it.
local function remember(key, fingerprint, kept_s, answer)
  if key then
    redis.call('RPUSH', key, fingerprint, unpack(answer))
    redis.call('EXPIRE', key, kept_s)
  end
  return answer
end
