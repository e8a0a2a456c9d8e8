-- Adds pieces of an item to an open order. Its version and content grow, so a checkout that is
-- under way is aborted: it has read another cart.
--
-- KEYS  order, optionally an idempotency key
-- ARGV  item, quantity, cost (quantity x price), most (the bound of amounts), most lines,
--       fingerprint of the request, kept_s
-- Returns {'ok', user, lines, total, version, content} after the change; or {word}, with nothing
--   changed: not_found, paid, cancelled, too_much, too_long, key_reused; with a known idempotency key the
--   first answer again
local first = recall(KEYS[2], ARGV[6])
if first then return first end

local item, quantity, cost, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local order = redis.call('HMGET', KEYS[1], 'user', 'lines', 'total', 'paid_at', 'cancelled')

local function add()
  if not order[1] then return { 'not_found' } end
  if order[4] then return { 'paid' } end
  if order[5] then return { 'cancelled' } end
  if tonumber(order[3]) + cost > most then return { 'too_much' } end
  local lines, merged = {}, false
  for id, pieces, price in string.gmatch(order[2], '([^:,]+):(%d+):(%d+)') do
    if id == item then
      if tonumber(pieces) + quantity > most then return { 'too_much' } end
      pieces, price, merged = exact(tonumber(pieces) + quantity), exact(tonumber(price) + cost), true
    end
    lines[#lines + 1] = id .. ':' .. pieces .. ':' .. price
  end
  if not merged then
    if #lines >= tonumber(ARGV[5]) then return { 'too_long' } end
    lines[#lines + 1] = item .. ':' .. ARGV[2] .. ':' .. ARGV[3]
  end
  redis.call('HSET', KEYS[1], 'lines', table.concat(lines, ','))
  redis.call('HINCRBY', KEYS[1], 'total', ARGV[3])
  redis.call('HINCRBY', KEYS[1], 'version', 1)
  redis.call('HINCRBY', KEYS[1], 'content', 1)
  return { 'ok', unpack(redis.call('HMGET', KEYS[1], 'user', 'lines', 'total', 'version', 'content')) }
end

return remember(KEYS[2], ARGV[6], ARGV[7], add())
