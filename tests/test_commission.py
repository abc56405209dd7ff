"""What may arrive at the control socket: anybody of the reading group can write there."""

from __future__ import annotations

import math
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from agent.commission.jobs import JOBS
from agent.commission.site import Site
from agent.settings import Settings
from drivers.errors import StationError
from tests.simulators.stationfile import HEAD, device, shared

RIGHT: dict[str, dict[str, Any]] = {
    "scan": {"link": "bus"},
    "probe": {"target": "so2", "register": 0, "count": 1},
    "raw": {"device": "so2"},
    "listen": {"link": "bus"},
    "identify": {"link": "bus"},
}
MORE = (
    "addresses",
    "timeout",
    "seconds",
    "baud",
    "parity",
    "unit",
    "profile",
    "profiles",
    "protocol",
    "table",
    "address",
)
VALUES = some.one_of(
    some.none(),
    some.booleans(),
    some.integers(),
    some.floats(),
    some.text(max_size=20),
    some.sampled_from(["bus", "so2", "1-5", "holding", "modbus-rtu", "dialogue", "vaisala-wxt536"]),
    some.lists(some.one_of(some.integers(), some.text(max_size=5)), max_size=3),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A station whose only wire is not there."""
    config: Path = tmp_path_factory.mktemp("site") / "station.toml"
    config.write_text(
        HEAD + shared(f"serial://{config.parent / 'nowhere'}") + device("so2", 'link = "bus"', "1s", address=7)
    )
    return Site(Settings.load(config), {})


async def news(site: Site, job: str, request: dict[str, Any]) -> list[dict[str, Any]]:
    """All that *job* says to *request*."""
    async with aclosing(JOBS[job](site, request)) as told:
        return [one async for one in told]


@pytest.mark.parametrize("job", JOBS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=some.data())
async def test_whatever_is_asked_is_refused_in_words_or_finds_no_wire(
    site: Site, job: str, data: some.DataObject
) -> None:
    """A request made by hand, or by another version, never ends in a traceback."""
    keys = some.sampled_from([*RIGHT[job], *MORE])
    words = RIGHT[job] | data.draw(some.dictionaries(keys, VALUES, max_size=2))
    with pytest.raises(StationError) as refused:
        await news(site, job, {"do": job, **words})

    assert str(refused.value)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("job", "words", "said"),
    [
        ("scan", {}, "link"),
        ("scan", {"link": "bus", "colour": "red"}, "colour"),
        ("scan", {"link": "bus", "timeout": math.inf}, "timeout"),
        ("scan", {"link": "bus", "protocol": "dialogue"}, "cannot ask in the protocol dialogue"),
        ("scan", {"link": "bus", "parity": ["X"]}, "parity X does not exist"),
        ("scan", {"link": "bus", "baud": [3]}, "3 baud cannot be set"),
        ("probe", {"target": "so2", "register": 0, "count": 501}, "501 holding registers from 0"),
        ("probe", {"target": "bus", "register": 0, "count": 1, "unit": 300}, "unit"),
        ("listen", {"link": "bus", "seconds": 1e6}, "seconds"),
        ("identify", {"link": "bus", "profiles": ["no-such"]}, "no-such"),
        ("raw", {"device": "so3"}, "so3"),
    ],
)
async def test_the_word_that_is_wrong_is_named(site: Site, job: str, words: dict[str, Any], said: str) -> None:
    """Exit code 2: it is the question that has to change."""
    with pytest.raises(StationError, match=said) as refused:
        await news(site, job, words)

    assert refused.value.exit_code == 2
