"""Hours of a day between which work may start, such as 22:00-06:00, in this machine's time zone or a given one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d) ?[-–] ?(?:([01]\d|2[0-3]):([0-5]\d)|(24):(00))")
DAY_MIN = 24 * 60


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """One occurrence of a window: its start and end, both with their time zone."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Schedule:
    """A daily window in minutes after midnight in local time of ``zone`` (None: this machine's).

    It crosses midnight where its end is before its start. On the nights when clocks are changed it starts and ends by
    local time, so it is an hour longer or shorter.
    """

    opens_min: int
    closes_min: int
    zone: ZoneInfo | None = None

    def window_at(self, now: datetime) -> TimeWindow | None:
        """The occurrence that contains ``now`` (start included, end excluded), None outside the window."""
        today = now.astimezone(self.zone).date()
        for day in (today - timedelta(days=1), today):
            window = self._window_of(day)
            # Compared as timestamps: within one zone Python compares local times.
            if window.start.astimezone(UTC) <= now.astimezone(UTC) < window.end.astimezone(UTC):
                return window
        return None

    def _window_of(self, day: date) -> TimeWindow:
        """The occurrence that starts on ``day``."""
        is_overnight = self.closes_min <= self.opens_min
        return TimeWindow(
            self._moment(day, self.opens_min), self._moment(day + timedelta(days=is_overnight), self.closes_min)
        )

    def _moment(self, day: date, minutes: int) -> datetime:
        days, minutes = divmod(minutes, DAY_MIN)
        local_time = datetime.combine(day + timedelta(days=days), time(minutes // 60, minutes % 60))
        return local_time.astimezone() if self.zone is None else local_time.replace(tzinfo=self.zone)

    def __str__(self) -> str:
        times = (f"{time_min // 60:02}:{time_min % 60:02}" for time_min in (self.opens_min, self.closes_min))
        return "-".join(times) + (f" {self.zone.key}" if self.zone else "")


def parse_hours(text: str, zone: str | None = None) -> Schedule:
    """Parse a window written as HH:MM-HH:MM. Raises ValueError."""
    match = _HOURS.fullmatch(text.strip())
    if match is None:
        raise ValueError("write two times of day, such as 22:00-06:00")
    opens_h, opens_m, closes_h, closes_m = (int(part) for part in match.groups() if part is not None)
    hours = Schedule(opens_h * 60 + opens_m, closes_h * 60 + closes_m, parse_zone(zone) if zone else None)
    if hours.opens_min == hours.closes_min:
        raise ValueError("it opens and closes at one time; write 00:00-24:00 for the whole day")
    return hours


def parse_zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name such as Europe/Berlin. Raises ValueError."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {name[:60]!r}; write a name such as Europe/Berlin") from error
