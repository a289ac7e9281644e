"""`python -m counter_service.transfer`: copies all counts of one counter from one Redis to another, exactly.

While the counter's service is stopped. The two need not be alike: what one server has in one shard is spread over the
64 of a cluster, and the other way round.

Copied are every path's count, and with them the totals and the numbers of paths; and the answers to idempotency keys,
each until the time it is forgotten at anyway: a client may repeat a request that was answered before the transfer.

Not copied are the writers' last batches: only the process that sent a batch ever repeats it, and it has ended. Nor how
many paths the counter may hold: that is the service's setting, and no key. A transfer copies all paths there are.

Each shard of the target bears a mark (`marks`), so that a transfer may be killed anywhere and repeated at any time:
what was begun is copied again, what was completed is left alone, whatever the service has counted since.
"""
