"""The RS-485 line of the station house: heated manifold, environment unit and room sensor.

Register lists as public drivers of these units use them. The environment unit is
read there in two blocks that leave no hole, so every register from 0 to 232 exists.
"""

from __future__ import annotations

from agent.demo.air import Air
from agent.simulation.modbus_unit import Unit

ENVIRONMENT_REGISTERS = 233
TUBE_MS, TUBE_C, HEATER_W, FAN_W = 1.3, 40.0, 62.0, 8.4

# float32 registers of the environment unit that stay where they are: address, value
ENVIRONMENT_FLOATS = {
    **dict.fromkeys((14, 16, 18), 229.0),  # V, L1-L3
    20: 6.2,  # A
    22: 4.8,
    24: 5.1,
    26: 1380.0,  # W
    28: 1060.0,
    30: 1120.0,
    **dict.fromkeys((32, 34, 36), 310.0),  # var
    **dict.fromkeys((38, 40, 42), 0.96),
    44: 50.0,
    60: 9800.0,  # kPa, cylinders
    62: 8600.0,
    64: 9100.0,
    67: 210.0,  # kPa, zero air
    70: 320.0,
    89: 229.0,
    91: 220.0,
    94: 50.0,
    96: 13.5,
    98: 26.0,
    144: 38.0,
    146: 38.2,
    148: 38.1,
    150: 37.9,
    103: 0.006,  # ppm, indoor O3, NO2, SO2
    106: 0.009,
    108: 0.002,
    **dict.fromkeys((225, 227, 229, 231), 16.7),  # L/min, PM inlets, standard and actual
}


def manifold(air: Air) -> Unit:
    """SMS-D-H, unit 7: holding registers, all tenths."""

    def refresh(unit: Unit, *_: int) -> None:
        tenths = {
            0: air.noisy(28.0, 0.3),  # sample RH, %: heated air is dry
            1: air.noisy(TUBE_C - 1.5, 0.1),
            5: air.noisy(TUBE_MS, 0.03),
            6: air.noisy(TUBE_C, 0.15),
            7: air.noisy(FAN_W, 0.1),
            8: air.noisy(HEATER_W, 2.0),
            10: TUBE_C,
        }
        for address, value in tenths.items():
            unit.set_int16(address, round(value * 10), "holding")

    unit = Unit(on_read=refresh, holding={4: 7})
    refresh(unit)
    return unit


def environment(air: Air) -> Unit:
    """SMS 8910, unit 10: holding registers, floats with the high word first between single words."""

    def refresh(unit: Unit, *_: int) -> None:
        living = {
            1: air.noisy(24.5, 0.1),  # station, Cel
            3: air.noisy(46.0, 0.4),  # station, %
            5: air.noisy(TUBE_C, 0.15),
            7: air.noisy(28.0, 0.3),
            9: air.noisy(TUBE_MS, 0.03),
            11: air.noisy(-0.12, 0.005),  # kPa
        }
        steady = {address: air.noisy(value, abs(value) * 1e-3) for address, value in ENVIRONMENT_FLOATS.items()}
        for address, value in (living | steady).items():
            unit.set_float32(address, value, "holding")

    unit = Unit(on_read=refresh, holding=dict.fromkeys(range(ENVIRONMENT_REGISTERS), 0))
    unit.holding |= {
        0: 1,
        48: 25,
        51: 25,
        66: 500,
        69: 100,
        73: 1,
        80: 1,
        93: 34,
        101: 18,
        102: 27,
        110: 7,
        111: 1,
        112: round(TUBE_C * 10),
    }
    unit.holding |= {113: round(FAN_W * 10), 114: round(HEATER_W * 10)}
    refresh(unit)
    return unit


def room_sensor(air: Air) -> Unit:
    """XY-MD02, unit 1: input registers 1 and 2, tenths; its settings are holding registers."""

    def refresh(unit: Unit, *_: int) -> None:
        unit.set_int16(1, round(air.noisy(24.6, 0.1) * 10))
        unit.set_int16(2, round(air.noisy(45.5, 0.3) * 10))

    unit = Unit(on_read=refresh, holding={0x101: 1, 0x102: 0, 0x103: 0, 0x104: 0})
    refresh(unit)
    return unit
