-- A page of a user's orders, the latest first. Writes nothing.
--
-- KEYS  the user's list
-- ARGV  prefix of the orders' keys, cursor ('' or the number of the last order looked at), state ('':
--       any), limit, looked_at_most (orders read for one page)
-- Returns {cursor ('': this was the last page), {id, user, lines, total, version, content,
--   paid_at or '', cancelled or ''}, …}
local from = ARGV[2] == '' and '+inf' or '(' .. ARGV[2]
local limit, most = tonumber(ARGV[4]), tonumber(ARGV[5])
local numbered = redis.call('ZRANGE', KEYS[1], from, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, most, 'WITHSCORES')
local page = { '' }
for i = 1, #numbered, 2 do
  local order = listed(ARGV[1], numbered[i], ARGV[3])
  if order then page[#page + 1] = order end
  if #page > limit and i + 1 < #numbered then
    page[1] = numbered[i + 1]
    return page
  end
end
if #numbered == 2 * most then page[1] = numbered[#numbered] end
return page
