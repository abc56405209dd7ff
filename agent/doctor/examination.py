"""The whole examination: every topic, at the same time, none of them able to hide another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    "service": service.examine,
    "permissions": permissions.examine,
    "clock": clock.examine,
    "disk": disk.examine,
    "log": log.examine,
    "ports": ports.examine,
    "network": network.examine,
    "certificates": certificates.examine,
    "brokers": brokers.examine,
    "instruments": instruments.examine,
}


def examine(case: Case) -> list[Result]:
    """Go through everything; the worst verdict first, and within it one topic after the other."""
    with ThreadPoolExecutor(len(TOPICS)) as pool:
        found = list(pool.map(lambda topic: _topic(topic, case), TOPICS))
    results = [result for results in found for result in results]
    return sorted(results, key=lambda result: VERDICTS.index(result.verdict))


def _topic(topic: str, case: Case) -> list[Result]:
    try:
        results = list(TOPICS[topic](case))
    except StationError as error:
        results = [unchecked(topic, str(error), error.hint)]
    return [result._replace(topic=topic) for result in results]
