"""Which models answer alike: the tree of average linkage, its clusters and how stable they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from dashboards.figures.parts import GRID, MUTED, Chart, Figure, Table, draw_chart, least, short, sources
from dashboards.wording import cell, count, counted, inert, kinds, listed, night, number, share

if TYPE_CHECKING:
    from dashboards.reading import Reading

WIDTH, STEP = 250, 19
_SHOWN = 60


class Branch(NamedTuple):
    """Two branches joined at a distance: where each lies among the leaves, and where it was joined itself."""

    at: float
    places: tuple[float, float]
    joined_at: tuple[float, float]
    same_cluster: bool


def figure(reading: Reading) -> Figure:
    """Return dendrogram and table; under 3 models the reason of the table stands instead."""
    frame, pairs = reading.frame("clusters"), reading.frame("cluster_pairs")
    evidence = sources(reading, "clusters", "cluster_pairs")
    when = f"{night(reading.wave_id)}, {kinds(reading.frame('facts')['wave_kind'])}"
    placed = frame.filter(pl.col("cluster").is_not_null() & pl.col("place").is_not_null()).sort("place")
    if placed.is_empty() or pairs.is_empty():
        return Figure("clusters", f"Clusters of models ({when}): not enough data", _reason(frame), sources=evidence)
    first = placed.row(0, named=True)
    prompts = least(pairs["n_prompts"])
    note = (
        f"Average linkage on 1 - combined convergence ({when}; 0 = identical, 1 = no more alike than answers to "
        "different "
        f"questions). n = {counted(placed.height, 'model')}, {prompts:,} prompts or more a pair. As many "
        "clusters as give "
        "the greatest mean silhouette (-1 to 1; near 0 = no clusters worth the name). Stability: mean share of "
        f"{counted(first['n_resamples'] or 0, 'resample')} of the prompts in which a model stays with the "
        "others of its "
        "cluster; it stands in for an interval, which distances in a tree do not have. A cluster's number means "
        "nothing "
        "from night to night."
    )
    return Figure(
        "clusters", _title(placed), note, (_tree(placed, pairs, when),), tables=(_table(frame),), sources=evidence
    )


def branches(places: dict[str, float], pairs: pl.DataFrame) -> list[Branch]:
    """Return the joins of the tree, nearest first. `pairs` has joined_at and same_cluster of every two models.

    Two branches join at the distance that every pair across them has, so the pairs in order of distance give the tree.
    """
    branch_of = {model: model for model in places}
    middle, height = dict(places), dict.fromkeys(places, 0.0)
    found = []
    for row in pairs.sort("joined_at", "model_a", "model_b").to_dicts():
        a, b = branch_of[row["model_a"]], branch_of[row["model_b"]]
        if a == b:
            continue
        found.append(Branch(row["joined_at"], (middle[a], middle[b]), (height[a], height[b]), row["same_cluster"]))
        middle[a], height[a] = (middle[a] + middle[b]) / 2, row["joined_at"]
        branch_of = {model: a if branch == b else branch for model, branch in branch_of.items()}
    return found


def _reason(frame: pl.DataFrame) -> str:
    reasons = frame["reason"].drop_nulls().unique().sort().to_list()
    said = listed([inert(reason) for reason in reasons], 3) or "no model of this night is in a tree"
    return f"No tree: {said}."


def _title(placed: pl.DataFrame) -> str:
    first = placed.row(0, named=True)
    sizes = placed["cluster"].value_counts().sort(["count", "cluster"], descending=[True, False])
    apart = placed.filter(pl.col("cluster") != sizes["cluster"][0])["model"]
    named = listed([inert(name) for name in apart], 4)
    weak = " of little worth" if (first["mean_silhouette"] or 0) < 0.1 else ""
    return (
        f"{counted(placed.height, 'model')} in {counted(first['n_clusters'], 'cluster')}{weak} (mean silhouette "
        f"{number(first['mean_silhouette'])}); apart from the largest, of {sizes['count'][0]}: {named}"
    )


def _tree(placed: pl.DataFrame, pairs: pl.DataFrame, when: str) -> Chart:
    import altair as alt

    shown = placed.head(_SHOWN)
    places = {model: float(place) for place, model in enumerate(shown["model"])}
    known = pairs.filter(pl.col("model_a").is_in(list(places)) & pl.col("model_b").is_in(list(places)))
    joins = branches(places, known)
    segments = pl.DataFrame(
        [row for branch in joins for row in _segments(branch)],
        schema={"x": pl.Float64, "x2": pl.Float64, "y": pl.Float64, "y2": pl.Float64, "color": pl.String},
        orient="row",
    )
    farthest = max([1.0, *(branch.at for branch in joins)])
    x = alt.X(
        "x",
        type="quantitative",
        title="distance (1 - convergence)",
        scale=alt.Scale(domain=[farthest * 1.04, 0], nice=False),
        axis=alt.Axis(tickCount=5, gridColor=GRID),
    )
    height = STEP * len(places)
    y = alt.Y("y", type="quantitative", axis=None, scale=alt.Scale(domain=[len(places) - 0.4, -0.6], nice=False))
    colors = ["var(--blue)", MUTED]
    color = alt.Color("color", type="nominal", legend=None, scale=alt.Scale(domain=colors, range=colors))
    lines = (
        alt.Chart(segments).mark_rule(strokeWidth=2, strokeCap="round").encode(x=x, x2="x2", y=y, y2="y2", color=color)
    )
    names = pl.DataFrame(
        {
            "x": [0.0] * len(places),
            "y": list(places.values()),
            "text": [f"{row['cluster']}  {short(row['model'])}" for row in shown.to_dicts()],
        }
    )
    labels = alt.Chart(names).mark_text(align="left", dx=7, fontSize=11)
    chart = alt.layer(lines, labels.encode(x=x, y=y, text=alt.Text("text", type="nominal")))
    first = ", ".join(f"{inert(row['model'])} (cluster {row['cluster']})" for row in shown.head(12).to_dicts())
    return draw_chart(
        chart.properties(width=WIDTH, height=height),
        f"Dendrogram of {counted(len(places), 'model')} ({when}), in the order of the leaves: {first}.",
        f"Each model with the number of its cluster, {when}. Blue: joined within a cluster.",
    )


def _segments(branch: Branch) -> list[tuple[float, float, float, float, str]]:
    """Return a join as lines (x, x2, y, y2, colour): one across, and one to each of what it joins."""
    color = "var(--blue)" if branch.same_cluster else MUTED
    low, high = branch.places
    return [
        (branch.at, branch.at, low, high, color),
        *(
            (joined, branch.at, place, place, color)
            for place, joined in zip(branch.places, branch.joined_at, strict=True)
        ),
    ]


def _table(frame: pl.DataFrame) -> Table:
    columns = ("Cluster", "Model", "Silhouette", "Stability", "Why there is none")
    rows = [
        (
            count(row["cluster"]),
            cell(row["model"]),
            number(row["silhouette"]),
            share(row["stability"]),
            cell(row["reason"]),
        )
        for row in frame.sort("cluster", "place", nulls_last=True).to_dicts()
    ]
    return Table("Clusters by model", columns, rows, frozenset({"Silhouette", "Stability"}), frozenset(columns[-1:]))
