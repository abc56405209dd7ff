"""The whole examination: every topic, at the same time, none of them able to hide another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from agent.doctor import (
    brokers,
    certificates,
    clock,
    configuration,
    disk,
    instruments,
    log,
    network,
    permissions,
    ports,
    service,
)
from agent.doctor.case import Case
from agent.doctor.result import VERDICTS, Result, unchecked
from drivers.errors import StationError

TOPICS: dict[str, Callable[[Case], Iterator[Result]]] = {
    "configuration": configuration.examine,
    "disk": disk.examine,
    "log": log.examine,
    "permissions": permissions.examine,
    "service": service.examine,
    "clock": clock.examine,
    "ports": ports.examine,
    "network": network.examine,
    "certificates": certificates.examine,
    "brokers": brokers.examine,
    "instruments": instruments.examine,
}
"""What keeps the daemon from running stands before it, and what keeps it from polling before the instruments."""

NOT_YET = "certificate is not yet valid"
"""How a good certificate looks to a clock that is behind."""

WAYS = ("ports", "network", "certificates")
AT_THE_END = ("certificates", "brokers", "instruments")
"""What is wrong on the way to a link or uplink explains what is told of its end."""


def examine(case: Case) -> list[Result]:
    """Go through everything; the worst verdict first, and within it causes before what they lead to."""
    with ThreadPoolExecutor(len(TOPICS)) as pool:
        found = list(pool.map(lambda topic: _topic(topic, case), TOPICS))
    results = without_echoes([result for results in found for result in results])
    return sorted(results, key=lambda result: VERDICTS.index(result.verdict))


def _topic(topic: str, case: Case) -> list[Result]:
    try:
        results = list(TOPICS[topic](case))
    except StationError as error:
        results = [unchecked(topic, str(error), error.hint)]
    return [result._replace(topic=topic) for result in results]


def without_echoes(results: Iterable[Result]) -> list[Result]:
    """*results* without what only repeats that the way to a link or uplink is broken, or the clock wrong."""
    results = list(results)
    broken = {(result.name, result.topic) for result in results if result.topic in WAYS and result.verdict == "bad"}
    if any(result.topic == "clock" and result.verdict == "bad" for result in results):
        results = [result for result in results if not result.found.endswith(NOT_YET)]
    return [result for result in results if not _is_echo(result, broken)]


def _is_echo(result: Result, broken: set[tuple[str, str]]) -> bool:
    """Whether another topic has found what is broken there."""
    if result.topic not in AT_THE_END or result.verdict == "good" or not result.name:
        return False
    elsewhere = any(name == result.name and topic != result.topic for name, topic in broken)
    return elsewhere and (result.topic == "instruments" or result.verdict == "unchecked")
