"""Whether a RequestCounter is still there and wanted: asked once, before the first write of a pass over its children.

The watches tell of children and of their owner on different ways: a child's end may be told before its owner's, and
would be taken for drift.
"""

import asyncio

from request_counter_operator.api import RequestCounter
from request_counter_operator.errors import GoneError, NotFoundError
from request_counter_operator.kinds import REQUEST_COUNTER
from request_counter_operator.kube import Cluster


class Confirmation:
    """The API server's word that one RequestCounter may have children made for it.

    Args:
        cluster: where it is.
        counter: which one.
    """

    def __init__(self, cluster: Cluster, counter: RequestCounter) -> None:
        self._cluster = cluster
        self._counter = counter
        self._asking = asyncio.Lock()
        self._is_given = False
        self._refusal: GoneError | None = None

    async def get(self) -> None:
        """Make sure of it; whoever comes while another one asks waits for the answer.

        Raises:
            GoneError: It is gone, going, or another one of the same name.
            ApiError: That could not be found out. The next one asks again.
        """
        async with self._asking:
            if self._refusal is not None:
                raise self._refusal
            if self._is_given:
                return
            try:
                await self._ask()
            except GoneError as error:
                self._refusal = error
                raise
            self._is_given = True

    async def _ask(self) -> None:
        meta = self._counter.metadata
        try:
            body = await self._cluster.get(REQUEST_COUNTER, meta.namespace, meta.name)
        except NotFoundError as error:
            raise GoneError("deleted") from error
        if body["metadata"]["uid"] != meta.uid or "deletionTimestamp" in body["metadata"]:
            raise GoneError("being deleted, or another one by now")
