"""Everything that a store keeps, as plain Python, to be compared with a reference."""

from __future__ import annotations

import json
from typing import Any

import redis

READ = """
-- Everything under a prefix, as JSON: [[key, type, value, when it expires in ms, or -1], ...]. Of a
-- remembered answer only the first entry: its fingerprint.
local read = {
  hash = function(key) return redis.call('HGETALL', key) end,
  zset = function(key) return redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end,
  set = function(key) return redis.call('SMEMBERS', key) end,
  list = function(key)
    if string.find(key, ':idem:', 1, true) then return redis.call('LINDEX', key, 0) end
    return redis.call('LRANGE', key, 0, -1)
  end,
  string = function(key) return redis.call('GET', key) end,
}
local all = {}
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  local type = redis.call('TYPE', key).ok
  local expires_ms = string.format('%.0f', redis.call('PEXPIRETIME', key))
  all[#all + 1] = { key, type, read[type](key), expires_ms }
end
return cjson.encode(all)
"""

Contents = dict[str, tuple[Any, int]]
"""Every key without its prefix: its value, and when it expires, in ms; -1: never."""


def contents(client: redis.Redis, prefix: str) -> Contents:
    """What is under `prefix`."""
    json_text: Any = client.eval(READ, 0, prefix)
    return {
        key.removeprefix(prefix): (_plain(type, value), int(expires_ms))
        for key, type, value, expires_ms in json.loads(json_text)
    }


def _plain(type: str, value: Any) -> Any:
    match type:
        case "hash":
            return dict(zip(value[::2], value[1::2], strict=True))
        case "zset":
            return {
                member: int(score) for member, score in zip(value[::2], value[1::2], strict=True)
            }
        case "set":
            return set(value)
    return value
