-- A page of all orders, in no order: read from the keys themselves, so that it costs no memory, and
-- knows those of an earlier database too. Each order that is there throughout is in some page; one
-- may be in two. Writes nothing.
--
-- KEYS  the clock (any key of this store)
-- ARGV  prefix of the orders' keys, cursor ('' or that of the page before), state ('': any), limit
--       (a page may have a few more: what one step finds stays together), steps_most, user ('': any)
-- Returns {cursor ('': this was the last page), {id, user, lines, total, version, content,
--   paid_at or '', cancelled or ''}, …}
local prefix, limit = ARGV[1], tonumber(ARGV[4])
local cursor, page = ARGV[2] == '' and '0' or ARGV[2], { '' }
for _ = 1, tonumber(ARGV[5]) do
  local found = redis.call('SCAN', cursor, 'MATCH', prefix .. '*', 'COUNT', math.min(limit, 10))
  cursor = found[1]
  for _, key in ipairs(found[2]) do
    local order = listed(prefix, string.sub(key, #prefix + 1), ARGV[3], ARGV[6])
    if order then page[#page + 1] = order end
  end
  if cursor == '0' then return page end
  if #page > limit then break end
end
page[1] = cursor
return page
