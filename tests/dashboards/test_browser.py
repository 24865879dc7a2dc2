"""The page in a real headless Chromium without network: it renders, fits, and nothing is refused or missing."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess

import pytest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no chromium or google-chrome on PATH: the page is not rendered"
)

# Measures the page inside a frame of a given width: how far it is wider than the frame, which texts of a
# figure stick out of it, and what is drawn. The page itself may not run scripts; the frame around it may.
MEASURE = """<!doctype html><meta charset="utf-8"><body><iframe src="{page}" width="{width}" height="900"></iframe>
<script>
onload = () => {{
  const page = document.querySelector("iframe").contentDocument, root = page.documentElement;
  const outside = [...page.querySelectorAll("figure")].flatMap(figure => {{
    const box = figure.getBoundingClientRect();
    return [...figure.querySelectorAll("text")].filter(text => {{
      const at = text.getBoundingClientRect();
      return at.width && (at.left < box.left - 1 || at.right > box.right + 1);
    }}).map(text => text.textContent);
  }});
  const smallest = Math.min(...[...page.querySelectorAll("svg text")].filter(text => text.textContent.trim())
    .map(text => text.getBoundingClientRect().height));
  document.body.textContent = JSON.stringify({{
    overflow: root.scrollWidth - root.clientWidth, outside, smallest,
    headings: [...page.querySelectorAll("h1, h2")].map(heading => heading.textContent.trim()),
    charts: [...page.querySelectorAll("svg")].filter(svg => svg.getBoundingClientRect().height > 40).length,
  }});
}};
</script>"""


def browse(tmp_path, url, *flags):
    """Run the browser once over a page; return what it printed and what it complained of."""
    done = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
            "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}", *flags, url,
        ],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, complaints


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_a_desk_and_a_phone_with_every_figure_drawn_and_no_text_cut(drawn_page, tmp_path, width):
    harness = tmp_path / "measure.html"
    harness.write_text(MEASURE.format(page=drawn_page.as_uri(), width=width), encoding="utf-8")
    dom, complaints = browse(
        tmp_path, harness.as_uri(), "--allow-file-access-from-files", "--window-size=1400,1000", "--dump-dom"
    )
    measured = json.loads(re.search(r"<body>(\{.*\})</body>", dom, flags=re.DOTALL)[1])
    assert measured["overflow"] <= 0
    assert measured["outside"] == []
    assert measured["charts"] == 13
    assert measured["smallest"] >= 10  # pixels of line height
    assert measured["headings"][0] == "Panel local, 2026-11-21"
    assert len(measured["headings"]) == 19  # the page's, what was found, sixteen figures, how to read
    assert complaints == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_both_schemes_paint_their_own_paper(drawn_page, tmp_path, scheme):
    shot = tmp_path / "page.png"
    preferred = {"dark": 0, "light": 1}[scheme]
    _, complaints = browse(
        tmp_path, drawn_page.as_uri(), f"--blink-settings=preferredColorScheme={preferred}", "--window-size=480,700",
        f"--screenshot={shot}",
    )  # fmt: skip
    assert complaints == []
    content = shot.read_bytes()
    assert struct.unpack(">II", content[16:24]) == (480, 700)
    assert first_pixel(content) == {"dark": (0x14, 0x17, 0x1A), "light": (0xFF, 0xFF, 0xFF)}[scheme]


def first_pixel(png):
    """Return red, green and blue of the top left pixel: no filter changes the first pixel of the first row."""
    import zlib

    data, at = b"", 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        data += png[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    return tuple(zlib.decompress(data)[1:4])
