"""Each rule that the databases' scripts keep, and the script without it."""

from __future__ import annotations

from tests.model import worlds
from tests.model.mutation import Lua, Mutant

HELD_TWICE = "if leg[1] or redis.call('EXISTS', KEYS[1]) == 1 then\n  if leg[2]"

MUTANTS_IN_LUA = [
    # --- verdicts ---
    Mutant(
        "a verdict is written once: an abort is not overwritten",
        worlds.two_at_once,
        (
            Lua(
                "if current > version or over and not ahead then",
                "if over and not ahead then",
            ),
        ),
    ),
    Mutant(
        "a verdict is written once: a paid order is not aborted",
        worlds.two_at_once,
        (
            Lua("if paid_at and tonumber(paid_at) == version then return answer('commit') end", ""),
            Lua("if current > version or over and not ahead then", "if current > version then"),
        ),
    ),
    Mutant(
        "an abort is recorded: it raises the version",
        worlds.two_at_once,
        (Lua("redis.call('HSET', KEYS[1], 'version', exact(current))", ""),),
    ),
    Mutant(
        "`batch_init` keeps the versions an order was paid at",
        worlds.order_written_anew,
        (Lua("redis.call('HSET', key, 'paid_before',", "redis.call('HGET', key,"),),
    ),
    Mutant(
        "a version never comes back",
        worlds.order_written_anew,
        (Lua("  redis.call('HINCRBY', key, 'version', 1)", ""),),
    ),
    Mutant(
        "a change of the cart raises the version",
        worlds.cart_changes,
        (Lua("  redis.call('HINCRBY', KEYS[1], 'version', 1)", ""),),
    ),
    Mutant(
        "a cancelled order is never paid",
        worlds.short_and_cancelled,
        (
            Lua("local over = paid_at or cancelled", "local over = paid_at"),
            Lua("redis.call('HINCRBY', KEYS[1], 'content', 1)", ""),
        ),
    ),
    Mutant(
        "cancelling raises the version",
        worlds.cancelled,
        (
            Lua("local over = paid_at or cancelled", "local over = paid_at"),
            Lua("'version', exact(version + 1), 'cancelled', 1", "'cancelled', 1"),
        ),
    ),
    # --- closing ---
    Mutant(
        "`close` leaves a gap in the versions (ADR 4)",
        worlds.short,
        (
            Lua("proposal == 'close' and version + 1 or version", "version"),
            Lua("if proposal == 'close' and not over then", "if false then"),
        ),
    ),
    Mutant(
        "`close` leaves a gap also behind an abort (ADR 4)",
        worlds.short,
        (Lua("if proposal == 'close' and not over then", "if false then"),),
    ),
    # --- deducting ---
    Mutant(
        "deducting twice for one tid is once",
        worlds.two_at_once,
        (Lua(HELD_TWICE, "if leg[1] and leg[1] ~= 'held' then\n  if leg[2]"),),
    ),
    Mutant(
        "a party takes all lines or none",
        worlds.cart_changes,
        (
            Lua(
                "  lines[#lines + 1] = id .. ':' .. ARGV[i + 1] .. ':' .. account[3]",
                "  lines[#lines + 1] = id .. ':' .. ARGV[i + 1] .. ':' .. account[3]\n"
                "  redis.call('HINCRBY', KEYS[4 + (i - 4) / 2], 'available', '-' .. ARGV[i + 1])\n"
                "  redis.call('HINCRBY', KEYS[4 + (i - 4) / 2], 'held', ARGV[i + 1])",
            ),
            Lua("if tonumber(ARGV[i + 1]) > 0 then", "if false then"),
        ),
    ),
    Mutant(
        "nothing is held that isn't there",
        worlds.cart_changes,
        (
            Lua("if amount > available + held then return answer('short', id) end", ""),
            Lua("if amount > available then short_for_now = id end", ""),
        ),
    ),
    Mutant(
        "a party's totals move with its accounts",
        worlds.two_at_once,
        (Lua("move_total(KEYS[4], 'held', tonumber(ARGV[i + 1]))", ""),),
    ),
    Mutant(
        "a held leg is in the due index",
        worlds.two_at_once,
        (Lua("redis.call('ZADD', KEYS[2], exact(deadline), tid)\nkeep", "keep"),),
    ),
    Mutant(
        "a party refuses a deduction that comes after its deadline",
        worlds.clocks,
        (Lua("if now > deadline then return answer('late') end", ""),),
    ),
    Mutant(
        "a party refuses a deadline that is too far ahead",
        worlds.far_apart,
        (Lua("if ahead then return answer('ahead') end", ""),),
    ),
    Mutant(
        "a held leg never expires",
        worlds.clocks,
        (
            Lua(
                "redis.call('ZADD', KEYS[2], exact(deadline), tid)\nkeep",
                "redis.call('ZADD', KEYS[2], exact(deadline), tid)\n"
                "redis.call('PEXPIRE', KEYS[1], 1500)\nkeep",
            ),
        ),
    ),
    Mutant(
        "a settled leg is kept from when it was settled, not from its first deadline",
        worlds.clocks,
        (
            Lua(
                "'deadline_ms', exact(deadline), 'held_at_ms', exact(now))",
                "'deadline_ms', exact(deadline), 'first', exact(deadline))",
            ),
            Lua(
                "exact(now + ARGV[3])",
                "exact(redis.call('HGET', KEYS[1], 'first') + ARGV[3])",
            ),
        ),
    ),
    Mutant(
        "a settled leg is kept by the clock that judges deadlines",
        worlds.set_back,
        (
            Lua(
                "redis.call('PEXPIREAT', KEYS[1], exact(now + ARGV[3]))",
                "redis.call('PEXPIRE', KEYS[1], ARGV[3])",
            ),
        ),
    ),
    Mutant(
        "a store's clock never goes back",
        worlds.set_back,
        (Lua("return math.max(now, tonumber(redis.call('GET', key) or 0))", "return now"),),
    ),
    # --- settling ---
    Mutant(
        "settling twice is once",
        worlds.two_at_once,
        (Lua("if state ~= 'held' then\n  if (state", "if false then\n  if (state"),),
    ),
    Mutant(
        "settling leaves alone an account of another generation",
        worlds.accounts_written_anew,
        (Lua("elseif account[1] == generation then", "elseif true then"),),
    ),
    Mutant(
        "an account that is written anew has another generation",
        worlds.accounts_written_anew,
        (
            Lua(
                "redis.call('HINCRBY', key, 'generation', 1)",
                "redis.call('HSET', key, 'generation', 1)",
            ),
        ),
    ),
    Mutant(
        "settling gives back what it held",
        worlds.two_at_once,
        (Lua("commit and 'used' or 'available'", "'used'"),),
    ),
    # --- the due index, and who settles ---
    Mutant(
        "a sweep moves a leg's due time on, and never takes it away",
        worlds.no_broker,
        (Lua("redis.call('ZADD', KEYS[1], new_due, tid)", "redis.call('ZREM', KEYS[1], tid)"),),
    ),
    Mutant(
        "a leg is parked with a reason",
        worlds.no_broker,
        (Lua("redis.call('HSET', KEYS[4], ARGV[1], ARGV[2])", ""),),
    ),
    Mutant(
        "what was parked is due again before it leaves the list",
        worlds.no_broker,
        (
            Lua(
                "  redis.call('ZADD', KEYS[2], exact(now), tid)\n  redis.call('ZREM'",
                "  redis.call('ZREM'",
            ),
        ),
    ),
    Mutant(
        "a try begins by comparing the due time: a leg has one live chain",
        worlds.retries,
        (Lua("if ARGV[2] ~= '0' and tonumber(ARGV[2]) ~= tonumber(due) then", "if false then"),),
    ),
]
