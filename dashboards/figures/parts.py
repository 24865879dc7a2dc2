"""What a figure is made of, and how a chart becomes inline SVG in the page's own colours.

Colours are CSS variables, so one SVG serves the light and the dark scheme and print. Fonts are the
reader's system fonts; nothing is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from dashboards.wording import DASH, cell, count, inert

if TYPE_CHECKING:
    import altair as alt
    import polars as pl

    from dashboards.reading import Reading

INK, MUTED, GRID = "var(--ink)", "var(--muted)", "var(--grid)"
KERNEL_COLORS = {"combined": "var(--blue)", "semantic": "var(--orange)", "distributional": "var(--green)"}
ALARM, CANARY, QUIET = "var(--red)", "var(--purple)", "var(--quiet)"

NARROW = 500
"""Charts up to this width fit a phone; wider ones scroll inside their figure."""

_ROWS_SHOWN = 200
_ROWS_OPEN = 24
_LABEL_LENGTH = 30


@dataclass(frozen=True)
class Chart:
    """One SVG. `label` says in words what it shows, for those who do not see it; `folded`, under what it is folded."""

    svg: Markup
    label: str
    width: int
    caption: str = ""
    folded: str = ""

    @property
    def is_wide(self) -> bool:
        """It scrolls inside its figure on narrow screens."""
        return self.width > NARROW


@dataclass(frozen=True)
class Table:
    """Rows of text under their headings; `numeric` columns are aligned right, `prose` columns wrap.

    `is_folded`: under its caption whatever its length.
    """

    caption: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    numeric: frozenset[str] = frozenset()
    prose: frozenset[str] = frozenset()
    is_folded: bool = False

    @property
    def is_long(self) -> bool:
        """It is folded under its caption: nobody reads forty rows on the way to the next figure."""
        return self.is_folded or len(self.rows) > _ROWS_OPEN


@dataclass(frozen=True)
class Source:
    """A query as it ran, with its rows."""

    name: str
    sql: str
    numbers: Table


@dataclass(frozen=True)
class Answers:
    """A prompt and what one model said to it on two nights. Texts are inert and cut visibly."""

    heading: str
    question: str
    then: str
    now: str
    said_then: str
    said_now: str


@dataclass(frozen=True)
class Check:
    """One line of a checklist. `state`: passed, closed, or open where nothing was decided; `stands_out`: look here."""

    state: str
    name: str
    says: str
    evidence: tuple[str, ...] = ()
    stands_out: bool = False


@dataclass(frozen=True)
class Figure:
    """One numbered block of the page. `title` states the finding; `note` names units, n and interval."""

    anchor: str
    title: str
    note: str
    charts: tuple[Chart, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()
    sources: tuple[Source, ...] = field(default=())
    answers: tuple[Answers, ...] = ()
    checks: tuple[Check, ...] = ()


def draw_chart(chart: alt.TopLevelMixin, label: str, caption: str = "", *, named_rows: bool = False) -> Chart:
    """Return a chart as inline SVG without a background, a namespace or anything to be loaded.

    `named_rows`: model names stand left of it, which need air in a font wider than the renderer's.
    """
    import vl_convert

    padding = {"left": 24 if named_rows else 4, "right": 24, "top": 6, "bottom": 30 if named_rows else 8}
    themed = chart.configure(font="system-ui, sans-serif", background="transparent", padding=padding, **_THEME)
    svg = vl_convert.vegalite_to_svg(themed.to_dict(validate=False), allowed_base_urls=[])
    svg = re.sub(r'^<svg [^>]*?width="([\d.]+)" height="([\d.]+)" viewBox', r'<svg width="\1" height="\2" viewBox', svg)
    width = re.match(r'<svg width="([\d.]+)"', svg)
    assert width, "vl-convert now starts an SVG differently: its namespaces would stay in the page"
    return Chart(Markup(svg), inert(label), round(float(width[1])), caption)


def sources(reading: Reading, *names: str) -> tuple[Source, ...]:
    """Return queries with the rows they gave, as a figure's evidence."""
    return tuple(Source(name, reading.sql(name), numbers_table(reading.frame(name))) for name in names)


def numbers_table(frame: pl.DataFrame) -> Table:
    """Return a frame as a table with every digit, cut after 200 rows with the count stated."""
    cut = f", the first {_ROWS_SHOWN}" if frame.height > _ROWS_SHOWN else ""
    rows = [tuple(_plain(value) for value in row) for row in frame.head(_ROWS_SHOWN).iter_rows()]
    numeric = frozenset(name for name, kind in frame.schema.items() if kind.is_numeric())
    return Table(f"{count(frame.height)} rows{cut}", tuple(frame.columns), rows, numeric, frozenset({"detail"}))


def milliseconds(day: date) -> int:
    """Return a UTC day as Vega takes it without guessing a time zone."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def night_axis(days: Sequence[date], wave_kinds: str, most_labels: int = 6) -> dict[str, Any]:
    """Return the arguments of a time axis; the kind of the waves stands in its title."""
    import altair as alt

    distinct = sorted(set(days))
    step = -(-(len(distinct) - 1) // (most_labels - 1)) or 1
    marked = distinct[::-1][::step]
    low, high = milliseconds(distinct[0]), milliseconds(distinct[-1])
    margin = max((high - low) * 0.04, 12 * 3600 * 1000 if low == high else 0)
    years = " to ".join(dict.fromkeys([f"{distinct[0]:%Y}", f"{distinct[-1]:%Y}"]))
    return {
        "type": "temporal",
        "scale": alt.Scale(type="utc", domain=[low - margin, high + margin], nice=False),
        "axis": alt.Axis(
            values=[milliseconds(day) for day in marked],
            format="%b %d",
            title=f"night ({wave_kinds} waves, UTC, {years})",
        ),
    }


def spread(values: Sequence[float], gap: float) -> list[float]:
    """Return label positions in the order given, moved apart so that none lies closer than `gap` to another."""
    order = sorted(range(len(values)), key=lambda index: values[index])
    placed = list(values)
    for lower, upper in pairwise(order):
        placed[upper] = max(placed[upper], placed[lower] + gap)
    shift = sum(placed[index] - values[index] for index in order) / len(order) if order else 0
    return [position - shift for position in placed]


def short(name: str) -> str:
    """Return a name that fits a chart; tables hold it whole."""
    shown = inert(name)
    return shown if len(shown) <= _LABEL_LENGTH else shown[: _LABEL_LENGTH - 1] + "…"


def most(counts: pl.Series) -> int:
    """Return the largest of some counts, 0 where there is none."""
    return max((int(n) for n in counts.drop_nulls()), default=0)


def least(counts: pl.Series) -> int:
    """Return the smallest of some counts, 0 where there is none."""
    return min((int(n) for n in counts.drop_nulls()), default=0)


def words(name: object) -> str:
    """Return a name of a column or a class as words: 'numbered list' for numbered_list."""
    return inert(name).replace("_", " ")


def _plain(value: object) -> str:
    if value is None:
        return DASH
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value) if isinstance(value, int) else cell(value)


_TEXT = {"labelColor": INK, "titleColor": MUTED, "labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal"}
_THEME: dict[str, Any] = {
    "aria": False,
    "axis": {**_TEXT, "gridColor": GRID, "domainColor": GRID, "tickColor": GRID, "labelLimit": 180, "titlePadding": 8},
    "view": {"stroke": "transparent"},
    "text": {"color": INK, "fontSize": 11},
    "header": {**_TEXT, "titleColor": INK, "labelFontSize": 12},
    "title": {"color": INK, "fontSize": 12, "anchor": "start", "fontWeight": 600},
    "concat": {"spacing": 18},
}
