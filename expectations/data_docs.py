"""Data Docs: static pages with every expectation of an audit and what it met, for reading without network.

Great Expectations writes the pages of suites and validations. They load styles, scripts and pictures
from elsewhere, and their index is drawn by such a script; so the pages are sealed (nothing external,
a content policy, a small style sheet) and the indexes are ours.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

from expectations.audit import AuditResult, Finding, folder_name
from expectations.suites import SITE
from lake.inert import visible
from lake.store import Store

AUDITS_KEPT = 30

TEMPLATES = Path(__file__).parent / "templates"

_POLICY = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
_EXTERNAL = re.compile(
    r"<script\b.*?</script>|<footer\b.*?</footer>|<link\b[^>]*>|<img\b[^>]*>"
    r"| onclick=\"[^\"]*\"|background: url\([^)]*\)[^;]*;",
    re.DOTALL | re.IGNORECASE,
)


def data_docs(store: Store, result: AuditResult) -> Path:
    """Write the pages of an audit into store.data_docs and return the index of all audits.

    Safe to run twice. The newest 30 audits keep their pages.
    """
    folder = store.data_docs / folder_name(result.audit_id)
    shutil.rmtree(folder, ignore_errors=True)
    result.context.build_data_docs(site_names=[SITE])
    shutil.rmtree(folder / "static", ignore_errors=True)
    style = (TEMPLATES / "data_docs.css").read_text(encoding="utf-8")
    for page in folder.rglob("*.html"):
        page.write_text(sealed(page.read_text(encoding="utf-8"), style), encoding="utf-8")
    verdict = next(row for row in result.verdicts if row["scope"] == "wave")
    summary = {
        "audit_id": result.audit_id,
        "wave_id": result.wave_id,
        "passed": result.passed,
        "detail": verdict["detail"],
    }
    (folder / "audit.json").write_text(json.dumps(summary), encoding="utf-8")
    _write(
        folder / "index.html",
        title=f"Audit of {result.wave_id}",
        summary=verdict["detail"],
        audit_id=result.audit_id,
        checks=[_check(folder, finding) for finding in result.findings],
        style=style,
    )
    return _write(store.data_docs / "index.html", title="Audits", audits=_kept_audits(store.data_docs), style=style)


def sealed(page: str, style: str) -> str:
    """Return a page of Data Docs without anything external, under a policy that forbids it, in our style.

    Control characters of stored text are shown as escapes.
    """
    own = visible(_EXTERNAL.sub("", page))
    return own.replace("<head>", f"<head>{_POLICY}", 1).replace("</head>", f"<style>{style}</style></head>", 1)


def _check(folder: Path, finding: Finding) -> dict[str, Any]:
    broken = finding.broken
    page = max((folder / "validations" / broken.check_id).rglob("*.html"))
    return {
        "state": "passed" if finding.success else "failed" if finding.fails else "finding",
        "check_id": broken.check_id,
        "scope": broken.scope,
        "n_bad": len(finding.bad_rows),
        "detail": finding.sentence(),
        "page": page.relative_to(folder).as_posix(),
    }


def _kept_audits(home: Path) -> list[dict[str, Any]]:
    """Return the newest audits, newest first, and remove the pages of older ones."""
    found = [
        json.loads(path.read_text(encoding="utf-8")) | {"folder": path.parent.name, "written": path.stat().st_mtime_ns}
        for path in home.glob("*/audit.json")
    ]
    found.sort(key=lambda audit: audit["written"], reverse=True)
    for audit in found[AUDITS_KEPT:]:
        shutil.rmtree(home / audit["folder"], ignore_errors=True)
    return found[:AUDITS_KEPT]


def _write(path: Path, **values: Any) -> Path:
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(visible(environment.get_template("data_docs_index.html").render(values)), encoding="utf-8")
    fresh.replace(path)
    return path
