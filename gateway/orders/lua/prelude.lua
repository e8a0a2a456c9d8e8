-- Put in front of every script of the order store, for people: what was decided, and whose an order
-- is. No script that decides reads any of it.

-- Writes down that the tid of VERSION was decided. A history that can't be written disturbs nobody.
--
-- KEY: the order's history. MOST: entries that it keeps. KEPT_S: how long after its last one.
local function note_past(key, version, verdict, now, by, why, most, kept_s)
  local entry = table.concat({ exact(version), verdict, exact(now), by, why }, '\t')
  local entries = redis.pcall('RPUSH', key, entry)
  if type(entries) == 'number' then
    if entries > tonumber(most) then redis.call('LTRIM', key, '-' .. most, -1) end
    redis.call('EXPIRE', key, kept_s)
  end
end

-- An order as lists return it: {id, user, lines, …}; nil if there is none, or not in that STATE, or
-- not of that USER. Of either '' is any. What can't be read is in no list; the audit finds it.
local function listed(prefix, id, state, user)
  local fields = { 'user', 'lines', 'total', 'version', 'content', 'paid_at', 'cancelled' }
  local order = redis.pcall('HMGET', prefix .. id, unpack(fields))
  if order.err or not order[5] or not order[1] then return nil end
  if (user or '') ~= '' and order[1] ~= user then return nil end
  local is = order[6] and 'paid' or order[7] and 'cancelled' or 'open'
  if state ~= '' and state ~= is then return nil end
  local entry = { id }
  for i = 1, #fields do entry[i + 1] = order[i] or '' end
  return entry
end
