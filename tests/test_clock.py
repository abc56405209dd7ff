"""Ticks and steps."""

from __future__ import annotations

import asyncio
import time

import pytest

from agent.clock import STEP_S, Clock, Step


class Wall:
    """A wall clock that a test can set; the monotonic one is real."""

    def __init__(self) -> None:
        self.set_by_s = 0.0
        self._real = time.time

    def __call__(self) -> float:
        return self._real() + self.set_by_s


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    wall = Wall()
    monkeypatch.setattr("agent.clock.time.time", wall)
    return wall


@pytest.mark.parametrize("by_s", [3600.0, -3600.0, 86400.0 * 400, -86400.0 * 4000])
def test_a_step_of_the_clock_is_noticed_with_its_size(wall: Wall, by_s: float) -> None:
    """A clock that was set is told to consumers, who then know which times to trust."""
    clock, steps = Clock(), list[Step]()
    clock.on_step(steps.append)

    wall.set_by_s = by_s
    clock.now_s()

    assert [round(step.by_s) for step in steps] == [by_s]


def test_slewing_is_not_a_step(wall: Wall) -> None:
    """NTP moves the clock a little all day; that is not worth an event."""
    clock, steps = Clock(), list[Step]()
    clock.on_step(steps.append)

    for _ in range(100):
        wall.set_by_s += STEP_S / 4
        clock.now_s()

    assert steps == []


async def test_no_wait_is_so_long_that_a_step_goes_unnoticed(wall: Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick due in an hour is awaited in slices, or a step back would silence the station for an hour."""
    monkeypatch.setattr("agent.clock.TURN_S", 0.05)
    clock = Clock()

    async with asyncio.timeout(5):
        reached = await clock.until(clock.now_s() + 3600)

    assert not reached
