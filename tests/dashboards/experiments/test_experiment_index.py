"""Experiments on the index: linked, kept apart from the nights, and a quarantined one with its own remedy."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dashboards.experiments import draw_experiment
from dashboards.page import draw, draw_index
from lake.catalog import connect_reader, connect_writer, create_table, existing_tables
from tests.dashboards.experiments.rows import TRAJECTORIES, TRANSFER_VERDICTS, lake_rows, stop_at_epoch_zero
from tests.dashboards.test_page import Page
from tests.experiment_rows import NAME, VERSION


@pytest.fixture
def write(lake):
    """Write the made-up experiment into a lake that has the tables of its results."""
    connection = connect_writer(lake.store)
    known = {table for _, table in existing_tables(connection, "lake")}
    for table in (TRAJECTORIES, TRANSFER_VERDICTS):
        if table.name not in known:
            create_table(connection, table)
    connection.close()
    return lambda **arguments: lake.write(lake_rows(**arguments))


def test_the_index_links_the_page_of_an_experiment_and_stays_with_the_newest_night(lake, write):
    night = lake.play(n_nights=1)
    draw(lake.store, night)

    def publish_last(rows):
        published = {"snapshot_id": night.snapshot_id, "published_at": datetime(2026, 11, 25, tzinfo=UTC)}
        rows["ops.publications"][0].update(published)

    write(change=publish_last)
    connection = connect_reader(lake.store, "head")
    page = draw_experiment(connection, NAME, VERSION, lake.store.site)
    connection.close()
    index = Page(draw_index(lake.store).read_text(encoding="utf-8"))
    assert "Panel local, 2026-11-18" in index.said()
    assert "planted@1, loaded, started 2026-11-20 12:00 UTC" in index.said()
    links = [link["href"] for link in index.all("a") if not link["href"].startswith("#")]
    assert links[0] == page.name
    assert all((lake.store.site / link).is_file() for link in links)
    archive = index.said().partition("All publications")[2]
    assert "local/2026-11-18" in archive
    assert "experiment/planted@1" not in archive  # it is no publication of a night
    assert Page(page.read_text(encoding="utf-8")).all("a")[0]["href"] == "index.html"


def test_an_experiment_whose_page_is_not_drawn_is_named_without_a_link(lake, write):
    draw(lake.store, lake.play(n_nights=1))
    write()
    index = Page(draw_index(lake.store).read_text(encoding="utf-8"))
    assert "planted@1 (page not drawn), loaded" in index.said()


def test_a_quarantined_experiment_is_told_with_the_command_that_trains(lake, write):
    write(change=stop_at_epoch_zero, is_published=False)
    said = Page(draw_index(lake.store).read_text(encoding="utf-8")).said()
    assert "Wave experiment/planted@1 failed its audit and is not shown" in said
    assert "start `driftlake train` again: only what is missing is trained" in said
    assert "driftlake nightly" not in said.split("Nothing is published yet")[0]
