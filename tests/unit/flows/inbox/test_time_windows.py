from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.inbox.time_windows import Schedule, parse_hours

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(lambda when: when.replace(tzinfo=UTC))
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"])
MINUTES = st.integers(0, 24 * 60 - 1)


@st.composite
def windows(draw):
    opens = draw(MINUTES)
    closes = draw(MINUTES.filter(lambda minute: minute != opens))
    return Schedule(opens, closes, ZoneInfo(draw(ZONES)))


@pytest.mark.slow
@given(windows(), MOMENTS)
def test_an_opening_holds_the_moment_it_was_asked_for_and_has_the_clocks_at_its_ends(hours, now) -> None:
    window = hours.window_at(now)
    if window is None:
        return
    assert window.start.astimezone(UTC) <= now < window.end.astimezone(UTC)
    assert (window.start.hour * 60 + window.start.minute) == hours.opens_min
    assert (window.end.hour * 60 + window.end.minute) == hours.closes_min
    assert window.end.astimezone(UTC) - window.start.astimezone(UTC) < timedelta(hours=26)


@pytest.mark.slow
@given(windows(), MOMENTS)
def test_a_window_and_the_rest_of_the_day_are_never_open_together_nor_both_closed(hours, now) -> None:
    rest = Schedule(hours.closes_min, hours.opens_min, hours.zone)
    changes = {(now + timedelta(hours=h)).astimezone(hours.zone).utcoffset() for h in range(-26, 27)}
    if len(changes) == 1:  # on other days some of the clocks' times come twice or never
        assert (hours.window_at(now) is None) != (rest.window_at(now) is None)


@given(windows(), MOMENTS)
def test_whoever_asks_within_one_opening_gets_the_same(hours, now) -> None:
    if window := hours.window_at(now):
        assert hours.window_at(window.start) == window
        assert hours.window_at(window.end.astimezone(UTC) - timedelta(microseconds=1)) == window


@given(windows())
def test_what_is_written_is_read_again(hours) -> None:
    text, _, zone = str(hours).partition(" ")
    assert parse_hours(text, zone) == hours


def test_a_window_crosses_midnight_in_its_own_zone() -> None:
    hours = parse_hours("22:00-06:00", "Europe/Berlin")
    assert hours.window_at(datetime(2026, 11, 23, 20, 59, tzinfo=UTC)) is None
    evening = hours.window_at(datetime(2026, 11, 23, 21, 0, tzinfo=UTC))
    assert evening is not None
    assert hours.window_at(datetime(2026, 11, 24, 4, 59, tzinfo=UTC)) == evening
    assert hours.window_at(datetime(2026, 11, 24, 5, 0, tzinfo=UTC)) is None


def test_the_night_the_clocks_are_changed_is_an_hour_longer() -> None:
    window = parse_hours("22:00-06:00", "Europe/Berlin").window_at(datetime(2026, 10, 25, 1, 0, tzinfo=UTC))
    assert window is not None
    assert window.end.timestamp() - window.start.timestamp() == 9 * 3600


def test_the_machines_own_zone_and_the_whole_day() -> None:
    now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    assert parse_hours("00:00-24:00").window_at(now) is not None
    local = now.astimezone()
    around = Schedule((local.hour * 60 + local.minute - 1) % 1440, (local.hour * 60 + local.minute + 1) % 1440)
    assert around.window_at(now) is not None


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("22-06", None),
        ("25:00-06:00", None),
        ("24:00-06:00", None),
        ("06:00-06:00", None),
        ("22:00-06:00", "Europe"),
        ("22:00-06:00", "../etc/passwd"),
        ("22:00-06:00", "Berlin/Europe"),
    ],
)
def test_what_is_no_window_is_refused(text, zone) -> None:
    with pytest.raises(ValueError, match="write"):
        parse_hours(text, zone)
