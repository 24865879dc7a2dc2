"""The page of an experiment in a real headless Chromium without network, on a desk and on a phone."""

from __future__ import annotations

import json
import re

import pytest

from dashboards.experiments import draw_experiment
from tests.dashboards.experiments.rows import stop_at_epoch_zero
from tests.dashboards.test_browser import BROWSER, MEASURE, browse
from tests.experiment_rows import NAME, VERSION

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no chromium or google-chrome on PATH: the page is not rendered"
)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(
    ("change", "charts"),
    [
        # heat map, 2 behaviours, 2 kernels, losses of convergence and, folded, of 2 behaviours
        pytest.param(None, 8, id="with-verdicts"),
        pytest.param(stop_at_epoch_zero, 3, id="gate-closed"),
    ],
)
def test_the_page_fits_a_desk_and_a_phone_with_every_figure_drawn_and_no_text_cut(
    filled, tmp_path, width, change, charts
):
    page = draw_experiment(filled.fill(change=change), NAME, VERSION, tmp_path)
    harness = tmp_path / "measure.html"
    harness.write_text(MEASURE.format(page=page.as_uri(), width=width), encoding="utf-8")
    dom, complaints = browse(
        tmp_path, harness.as_uri(), "--allow-file-access-from-files", "--window-size=1400,1000", "--dump-dom"
    )
    measured = json.loads(re.search(r"<body>(\{.*\})</body>", dom, flags=re.DOTALL)[1])
    assert measured["overflow"] <= 0
    assert measured["outside"] == []
    assert measured["charts"] == charts
    assert measured["headings"][0] == "Experiment planted, version 1"
    assert complaints == []
