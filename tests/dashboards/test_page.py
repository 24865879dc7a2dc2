"""The page of a publication, read as a file: its numbers, its safety, its failed nights."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest

from dashboards.page import draw, draw_quarantine, page_path, render
from dashboards.verdicts import notices
from lake.errors import StoreError, WaveError
from tests.dashboards.measured import add_measured

HOSTILE = "=HYPERLINK(1)</text><script>alert(1)</script>&\"'\x1b[31m\u202e"


class Page(HTMLParser):
    """Tags with their attributes, and the text of the page without scripts and styles."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self._style = [], "", False
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._style = tag == "style"

    def handle_endtag(self, tag):
        self._style = False

    def handle_data(self, data):
        self.text += "" if self._style else data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    def said(self):
        return re.sub(r"\s+", " ", self.text)


@pytest.fixture(scope="module")
def html(drawn_page):
    return drawn_page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_the_page_holds_the_numbers_of_the_tables(page):
    said = page.said()
    # combined 0.38 ± 0.05 on the last night, 0.38 - 0.12 = 0.26 ± 0.04 since the first
    assert "Convergence is 0.38 [0.33, 0.43] on 2026-11-21; since 2026-11-18 it rose by 0.260 [0.220, 0.300]" in said
    # 15 pairs, the last by name 0.05 + 14 * 0.03 = 0.47
    assert (
        "Most alike: lab/scientist and lab/villain, 0.47 [0.43, 0.51]; "
        "least: lab/assistant-latest and lab/comedian, 0.05 [0.01, 0.09]"
    ) in said
    assert "Drift on 2026-11-21: lab/assistant-latest changed, of 7 models tested" in said
    # the last member is 5 * 0.02 above the wave's 0.38
    assert "Closest to the others on 2026-11-21: lab/villain, 0.48 [0.43, 0.53]" in said
    assert "84 of 84 cells answered on 2026-11-21, cost unknown" in said
    assert "Audit: 2 of 3 checks passed; not: A09" in said


def test_every_sentence_of_the_command_line_is_on_the_page(page, found):
    for sentence in found():
        assert sentence in page.said()


def test_nothing_is_loaded_from_anywhere(html, page):
    assert not re.search(r"https?:|//[a-z]|@import|url\(", html, flags=re.IGNORECASE)
    assert not page.all("script")
    assert [link["href"] for link in page.all("link")] == ["data:,"]
    (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")


def test_the_page_is_small(html):
    assert len(html.encode()) < 500_000


def test_staged_nights_are_said_on_every_chart(page):
    charts = [div for div in page.all("div") if div.get("role") == "img"]
    assert len(charts) == 13
    assert all("staged" in chart["aria-label"] for chart in charts)


def test_every_query_shown_runs_and_gives_the_rows_shown(html, in_memory):
    queries = re.findall(r"<pre tabindex=\"0\"><code>(.*?)</code>.*?<caption>(\d+) rows", html, flags=re.DOTALL)
    assert len(queries) == 26
    connection = in_memory(change=add_measured)  # the same rows as the lake that the page was drawn from
    for query, rows in queries:
        assert len(connection.execute(unescape(query)).fetchall()) == int(rows)


def test_hostile_names_are_inert_in_html_terminal_and_spreadsheet(page_of):
    html = page_of(members=(HOSTILE, "lab/b", "lab/c"))
    page = Page(html)
    assert not page.all("script")
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert "HYPERLINK(1)</text><script>alert(1)" in page.text  # shown as text, whole
    cells = re.findall(r"<t[dh][^>]*>([^<]*HYPERLINK[^<]*)</t", html)
    assert cells
    assert all(cell.startswith("&#39;=") for cell in cells)


def test_a_lake_without_scores_says_not_enough_data(page_of):
    def forget(rows):
        for table in ("out.convergence_by_wave", "out.convergence_by_model", "out.convergence_by_pair"):
            for row in rows[table]:
                row.update(dict.fromkeys({"convergence", "ci_low", "ci_high", "match", "chance", "ceiling"} & set(row)))
        rows["out.drift_by_model"], rows["ops.check_results"], rows["out.convergence_change"] = [], [], []

    html = page_of(change=forget)
    page = Page(html)
    said = page.said()
    assert "Convergence: not enough data" in said
    assert "Pairs of models (2026-11-21, staged): not enough data" in said
    assert "Convergence by model (2026-11-21, staged): not enough data" in said
    assert "Drift on 2026-11-21: not enough data" in said
    assert "Audit: no result is recorded" in said
    assert len(page.all("svg")) == 1  # completeness alone has something to draw


def test_one_night_alone_is_drawn(page_of):
    html = page_of(n_nights=1)
    page = Page(html)
    assert "Convergence is 0.12 [0.07, 0.17] on 2026-11-18" in page.said()
    assert "Drift on 2026-11-18: not enough data, there is no earlier night of this battery" in page.said()


def test_an_unscored_pair_is_a_dash_and_never_zero(page_of):
    def forget(rows):
        for row in rows["out.convergence_by_pair"]:
            if (row["model_a"], row["model_b"]) == ("lab/pirate", "lab/poet"):
                row.update(convergence=None, match=None, chance=None)

    html = page_of(change=forget)
    page = Page(html)
    assert "1 without a score (\u2013)" in page.said()
    assert "lab/pirate</th><td>lab/poet</td>" in html
    assert (
        '<td class="n">\u2013</td><td class="n">\u2013</td>' in html.split("lab/pirate</th><td>lab/poet</td>")[1][:120]
    )


def test_a_figure_that_fails_costs_itself_and_is_logged(page_of, monkeypatch, caplog):
    from dashboards.figures import pairs

    def fail(*_):
        raise IndexError("no <b>row</b> of lab/poet\x1b[31m")

    monkeypatch.setattr(pairs, "thresholds", fail)
    page = Page(page_of(failing="pairs"))
    said = page.said()
    assert (
        "Figure pairs could not be drawn: IndexError: no <b>row</b> of lab/poet [31m, its query still answers." in said
    )
    assert "from out.convergence_by_pair" in said  # the query, with its 15 pairs
    assert "15 rows" in said
    assert "Closest to the others on 2026-11-21" in said  # the figures behind it are drawn
    assert [record.getMessage() for record in caplog.records] == [
        "Figure pairs of wave local/2026-11-21 could not be drawn."
    ]
    assert caplog.records[0].exc_info


def test_a_figure_whose_query_fails_says_that_it_does_not_answer(page_of):
    from dashboards.reading import Reading

    asked = Reading.sql

    def broken(reading, name):
        return "select * from out.nowhere" if name == "power" else asked(reading, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Reading, "sql", broken)
        said = Page(page_of(failing="power")).said()
    assert re.search(r"Figure power could not be drawn: CatalogException: .*nor does its query answer\.", said)


def test_twenty_three_models_still_draw(page_of):
    members = tuple(f"maker/a-model-with-a-rather-long-name-{number:02d}" for number in range(23))
    html = page_of(members=members, canary=None)
    page = Page(html)
    assert "253 pairs" in page.said()  # 23 * 22 / 2
    assert len(html.encode()) < 2_000_000


def test_costs_known_for_some_models_are_summed_and_the_rest_called_unknown(page_of):
    def price(rows):
        for row in rows["out.costs"]:
            if row["model"] in ("lab/pirate", "lab/poet"):
                row.update(cost_usd=0.25, unknown_cost_share=0.5 if row["model"] == "lab/poet" else 0.0)

    html = page_of(change=price)
    page = Page(html)
    # 2 * 0.25; the other five of seven carry no cost
    assert "84 of 84 cells answered on 2026-11-21, cost at least 0.5000 USD and unknown for 5 models" in page.said()
    assert html.count('<td class="n">at least 0.2500</td>') == 1  # half of the poet's requests carry no cost


def test_index_is_the_newest_page_and_links_the_earlier_ones(lake):
    first = lake.play(n_nights=1)
    early = draw(lake.store, first)
    lake.write(lake.rows_of(1))
    late = draw(lake.store, lake.publish(1))
    index = Page((lake.store.site / "index.html").read_text(encoding="utf-8"))
    assert "Panel local, 2026-11-19" in index.said()
    links = [link["href"] for link in index.all("a") if not link["href"].startswith("#")]
    assert links == [f"{late.parent.name}/index.html", f"{early.parent.name}/index.html"]
    assert all((lake.store.site / link).is_file() for link in links)
    # an earlier page drawn again shows its own night and leaves the index with the newest
    again = Page(draw(lake.store, first).read_text(encoding="utf-8"))
    assert "Panel local, 2026-11-18" in again.said()
    assert "2026-11-19" not in again.said()
    assert "Panel local, 2026-11-19" in Page((lake.store.site / "index.html").read_text(encoding="utf-8")).said()


def test_a_failed_night_is_told_at_the_top_of_the_newest_page_without_its_numbers(lake):
    draw(lake.store, lake.play(n_nights=2))
    wave_id = lake.quarantine(2)
    page = Page(draw_quarantine(lake.store, wave_id).read_text(encoding="utf-8"))
    said = page.said()
    notice = said.index("Wave local/2026-11-20 failed its audit and is not shown")
    assert notice < said.index("Panel local, 2026-11-19")
    assert "C12, 4 bad rows: 4 embeddings are not of unit norm" in said
    assert "Models: lab/pirate." in said
    assert "run `driftlake nightly` for the same panel and date again" in said
    assert "0.33 [0.28, 0.38]" not in said  # the convergence of the failed night


def test_a_failed_first_night_has_a_page_without_numbers(in_memory):
    failed = notices(in_memory(n_nights=0, quarantined=(0,)))
    page = Page(render(None, notices=failed))
    assert "Wave local/2026-11-18 failed its audit" in page.said()
    assert "Nothing is published yet" in page.said()
    assert not page.all("svg")


@pytest.mark.parametrize(
    ("published", "told"),
    [
        pytest.param((0,), ["local/2026-11-19"], id="readers-still-see-the-night-before"),
        pytest.param((0, 2), [], id="a-later-night-was-published"),
        pytest.param((), ["local/2026-11-19"], id="nothing-was-ever-published"),
    ],
)
def test_the_notice_of_a_failed_night_stays_until_a_later_one_is_published(in_memory, published, told):
    # night 0 is published at 09:30, night 1 fails at 10:00, night 2 is published at 11:30
    failed = notices(in_memory(n_nights=3, quarantined=(1,), published=published))
    assert [notice.wave_id for notice in failed] == told


def test_a_notice_for_a_wave_that_did_not_fail_is_refused(lake):
    lake.play(n_nights=1)
    with pytest.raises(WaveError, match=r"local/2026-11-18 is not quarantined.*driftlake status"):
        draw_quarantine(lake.store, "local/2026-11-18")


def test_a_site_that_cannot_be_written_is_named(lake):
    lake.store.site.write_text("a file where the folder should be")
    with pytest.raises(StoreError, match=r"site.*cannot be written"):
        draw(lake.store, lake.play(n_nights=1))


def test_the_folder_of_a_page_cannot_leave_the_site(lake):
    publication = replace(lake.play(n_nights=1), publication_id="../../etc/x y#7")
    assert page_path(lake.store, publication) == lake.store.site / "_etc_x_y_7" / "index.html"
