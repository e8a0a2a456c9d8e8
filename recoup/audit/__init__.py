"""The audit: reads the raw records of the databases, and says whether the books agree.

It shares no code with what it audits, writes nothing, and runs while everything runs. Orders, stock
and payment can't be read at one instant, so what it says rests on the order in which it reads.

For an account, let U be all that it has ever used (`used` and `used_before`), and C what all paid
orders ask of it: those that are paid, and what `before:…` keeps of their earlier lives. Both only
grow. A commit comes when all legs are held, and a leg is settled after it; so at every instant
U <= C <= U + what is held. The audit reads:

1. The accounts: U1.
2. `before:…`: B1. Then all orders, each counted once for each version it was found paid at: S.
   Then `before:…` again: B2. batch_init moves what a paid order asks to `before:…` in one script,
   so what it moves meanwhile may be missing in S + B1, and may stand twice in S + B2.
   (A further party was asked the same by each life of an order: its S has all of them, and B is 0.)
3. The legs: H is what held ones hold. An order that was found paid has its leg held here still, or
   settled before the next step.
4. The accounts again: U2.

So U1 <= S + B2 and S + B1 <= U2 + H, whatever happens meanwhile. If U1 = U2 and B1 = B2, the sum
is exact: U = S + B, less what legs still hold whose order is counted there. For a leg that was
settled before 1 had its verdict before 2, so its order is counted; and one whose order is counted
and that isn't held in 3 was settled before 3, hence before 1, or U would have changed.

A single leg is read first, then its order, then its peer's leg. A settled leg never changes, nor
does a verdict, and the verdict was there first: so an order that says something else contradicts
the leg. A peer's leg was there before the verdict `commit`, and is kept for a while after it is
settled: so it can be missing only if this leg was held longer ago than that.

What an account holds is compared with its legs as one: WATCH tells whether anybody has touched the
account while they were read. The same for the running totals and the sum of all accounts. A leg
and its place in the indexes are read at one instant, by MULTI. What looks wrong with a leg is read
again a few times, since it may heal meanwhile.
"""
