-- The verdict for one tid: the one there is, else the one proposed. The first proposal wins.
--
-- A verdict takes no memory of its own. Tid o.v is commit if v is among the versions o was paid
-- at; else abort if o's version is past v, or is v and o is paid or cancelled; else undecided. A tid
-- ahead of its order is so too when the order is paid or cancelled: it may be written anew, and then
-- comes to that version.
--
-- KEYS  order, clock, and for a proposal the order's history
-- ARGV  version, proposal: 'commit', 'abort', 'close', or '' to ask only, which writes nothing.
--       'close' is an abort that also ends every other checkout of this order that has begun: it
--       leaves a gap in the versions, and no checkout goes on behind a gap.
--       For a proposal also what its history keeps: by, why, most (entries), kept_s
-- Returns {verdict ('commit', 'abort' or ''), '1' if the tid is ahead of its order or the order is
--   unknown (the store lost writes), paid_at or '', content, version, '1' if the order is cancelled
--   or '', clock_ms}
local version, proposal = tonumber(ARGV[1]), ARGV[2]
local now = clock(KEYS[2])
local order = redis.call('HMGET', KEYS[1], 'version', 'content', 'paid_at', 'paid_before', 'user', 'cancelled')
local current, paid_at, cancelled = tonumber(order[1] or 0), order[3], order[6]
-- Of an order that is not known there may be a version nevertheless: that past an aborted tid.
local ahead = version > current or not order[5]
local over = paid_at or cancelled

local function answer(verdict)
  return {
    verdict, ahead and '1' or '0', paid_at or '', order[2] or '', exact(current), cancelled or '', exact(now),
  }
end

local function decided(verdict)
  keep_clock(KEYS[2], now)
  note_past(KEYS[3], version, verdict, now, ARGV[3], ARGV[4], ARGV[5], ARGV[6])
  return answer(verdict)
end

local function raise_past(last)
  current = last + 1
  redis.call('HSET', KEYS[1], 'version', exact(current))
  return decided('abort')
end

if paid_at and tonumber(paid_at) == version then return answer('commit') end
for paid_version in string.gmatch(order[4] or '', '%d+') do
  if tonumber(paid_version) == version then return answer('commit') end
end
if current > version or over and not ahead then
  -- It may be that the cart was changed under this tid: then it is in no history yet.
  if proposal == 'close' and not over then return raise_past(current + 1) end
  return answer('abort')
end
if proposal == '' then return answer('') end

if proposal == 'commit' and not ahead then
  paid_at = exact(version)
  redis.call('HSET', KEYS[1], 'paid_at', paid_at)
  return decided('commit')
end
-- Also for a tid ahead of its order, or of none: raising the version past it aborts it for good.
return raise_past(proposal == 'close' and version + 1 or version)
