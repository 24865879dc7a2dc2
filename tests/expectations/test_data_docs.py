"""Data Docs: pages that open from disk without network and run nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from expectations import data_docs as pages
from expectations.data_docs import data_docs

HOSTILE = "ERROR: API error - Error code: 400 - {'error': '<script>alert(1)</script><img src=x onerror=alert(1)> $x'}"


@pytest.fixture
def written(lake: Any, wave: str) -> tuple[Any, Path]:
    lake.run("UPDATE raw.attempts SET response_text = ? WHERE wave_id = ? AND prompt_id = 'p1'", HOSTILE, wave)
    shutil.rmtree(lake.store.data_docs, ignore_errors=True)
    result = lake.audit(wave, "A01_error_text", "A02_dead_model", "A08_duplicate_attempts", audit_id="p/clean#9")
    return result, data_docs(lake.store, result)


def test_the_index_leads_to_the_audit_and_to_a_page_for_every_check(lake: Any, written: tuple[Any, Path]) -> None:
    result, index = written
    assert index == lake.store.data_docs / "index.html"
    text = index.read_text()
    audit_page = index.parent / re.findall(r'href="([^"]+)"', text)[0]
    links = re.findall(r'href="([^"]+)"', audit_page.read_text())
    assert [(audit_page.parent / link).is_file() for link in links] == [True] * (len(result.findings) + 1)
    assert "Error messages resemble each other" in audit_page.read_text()


def test_no_page_loads_anything_or_runs_what_a_model_wrote(written: tuple[Any, Path]) -> None:
    found = list(written[1].parent.rglob("*.html"))
    assert len(found) == 8  # two indexes, and for three checks a page of the suite and one of its validation
    for page in found:
        text = page.read_text()
        assert re.findall(r"https?://|<script|<img|<link", text) == [], page
        assert "Content-Security-Policy" in text
    evidence = next(page for page in found if "A01_error_text-" in page.name).read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in evidence


def test_writing_twice_gives_one_audit_and_old_audits_lose_their_pages(
    lake: Any, wave: str, written: tuple[Any, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    result, index = written
    data_docs(lake.store, result)
    assert index.read_text().count("p/clean#9") == 1
    monkeypatch.setattr(pages, "AUDITS_KEPT", 1)
    data_docs(lake.store, lake.audit(wave, "A02_dead_model", audit_id="p/clean#99"))
    assert [path.name for path in index.parent.iterdir() if path.is_dir()] == ["p_clean_99"]
    assert "p/clean#9<" not in index.read_text()


def test_a_browser_without_network_shows_what_was_found(written: tuple[Any, Path], tmp_path: Path) -> None:
    browser = next(
        (found for name in ("chromium", "google-chrome", "chromium-browser") if (found := shutil.which(name))), None
    )
    if browser is None:
        pytest.skip("no Chromium on PATH")
    page = next(written[1].parent.glob("p_clean_9/validations/A01_error_text/**/*.html"))
    shown = subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--enable-logging=stderr",
            f"--user-data-dir={tmp_path}",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "10 unexpected values found" in shown.stdout  # 5 models x 2 samples of one prompt
    assert "Error code: 400" in shown.stdout
    assert "CONSOLE" not in shown.stderr
