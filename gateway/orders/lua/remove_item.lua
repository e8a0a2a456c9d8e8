-- Removes an item, with all its pieces, from an open order. Its version and content grow, so a
-- checkout that is under way is aborted: it has read another cart.
--
-- KEYS  order
-- ARGV  item
-- Returns {'ok', user, lines, total, version, content} after the change; or {word}, with nothing
--   changed: not_found, paid, cancelled, no_item
local order = redis.call('HMGET', KEYS[1], 'user', 'lines', 'total', 'paid_at', 'cancelled')
if not order[1] then return { 'not_found' } end
if order[4] then return { 'paid' } end
if order[5] then return { 'cancelled' } end
local lines, cost = {}, nil
for id, pieces, price in string.gmatch(order[2], '([^:,]+):(%d+):(%d+)') do
  if id == ARGV[1] then
    cost = tonumber(price)
  else
    lines[#lines + 1] = id .. ':' .. pieces .. ':' .. price
  end
end
if not cost then return { 'no_item' } end
local total = whole(order[3], 'its total') - cost
redis.call('HINCRBY', KEYS[1], 'version', 1)
redis.call('HINCRBY', KEYS[1], 'content', 1)
redis.call('HSET', KEYS[1], 'lines', table.concat(lines, ','), 'total', exact(total))
return { 'ok', unpack(redis.call('HMGET', KEYS[1], 'user', 'lines', 'total', 'version', 'content')) }
