"""Keeps a Redis Cluster together: who belongs to it, who follows whom, who has which slots.

The servers choose their primaries themselves. What they cannot do is the operator's part: to introduce them to each
other, to forget who will never come back, to move slots, to have primaries on different nodes of Kubernetes, and to go
on when most of them are lost at once.

``nodes`` and ``layout`` say what is the case and what is wanted; ``membership``, ``slots``, ``takeover``,
``evenness`` and ``decision`` decide, and are pure; ``asking``, ``moving`` and ``keeper`` act.

Source: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
"""
