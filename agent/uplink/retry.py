"""When to try a broker again; the only module that knows tenacity.

Full jitter: each wait is drawn between nothing and a bound that doubles, so that
ten thousand stations do not come back in step after an outage of their broker.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

FIRST_S = 5.0
"""The first new attempt comes within so long."""

EARLY_S = 300.0
"""For so long the waits stay below EARLY_CAP_S, later below CAP_S."""

EARLY_CAP_S = 30.0
CAP_S = 300.0


async def persistently(
    attempt: Callable[[], Awaitable[None]],
    *,
    on: type[Exception],
    rest: Callable[[float], Awaitable[None]],
    failed: Callable[[Exception, float], None],
) -> None:
    """Call *attempt* until it returns, resting with full jitter after each exception of type *on*.

    *rest* sleeps for the seconds it is given; *failed* is told the exception and
    the seconds of rest that follow. Everything else that is raised passes through.
    """

    def before_rest(state: RetryCallState) -> None:
        assert state.outcome is not None
        error = state.outcome.exception()
        assert isinstance(error, Exception)
        failed(error, state.upcoming_sleep)

    retrying = AsyncRetrying(
        retry=retry_if_exception_type(on), wait=full_jitter, sleep=rest, before_sleep=before_rest, reraise=True
    )

    async def once() -> None:  # tenacity awaits only what it recognises as a coroutine function
        await attempt()

    await retrying(once)


def full_jitter(state: RetryCallState) -> float:
    """Seconds to wait before the next attempt."""
    if state.attempt_number == 1:
        return random.uniform(0, FIRST_S)  # noqa: S311 - spreads load, keeps no secret
    early = (state.seconds_since_start or 0.0) < EARLY_S
    wait = wait_random_exponential(multiplier=FIRST_S / 2, max=EARLY_CAP_S if early else CAP_S)
    return wait(state)
