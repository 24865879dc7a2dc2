"""Seal a battery: write the SHA-256 of its content into its file, so that a later change cannot pass unseen.

    python -m pipelines.panels.seal FILE [--version NEW]

Content that changed since the last seal needs a new version, and only this command sets it.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from lake.errors import PanelError
from pipelines.panels.battery_files import SEAL, content_sha, prompts_of, read_battery
from pipelines.panels.schema import NAME


def seal(path: Path, version: str | None = None) -> str:
    """Write the sha, and the new version if one is given, into a battery file; return a sentence that says so.

    The rest of the file stays as it is, byte for byte. Raises PanelError where the battery is wrong, or
    where its content differs from the recorded sha and no new version is given.
    """
    source, content = read_battery(path)
    if version is not None and not re.match(NAME, version):
        remedy = "Use letters, digits, points, dashes and underscores, e.g. 2 or 1.1."
        raise source.error(("version",), f"{version!r} cannot be a version.", remedy)
    sha = content_sha(prompts_of(content))
    if content.sha == sha and version in (None, content.version):
        return f"{path} is sealed already: {content.battery} version {content.version}, sha {sha}."
    if content.sha and content.sha != sha and version in (None, content.version):
        remedy = f"Run `{SEAL} {path} --version NEW` with a version it never had."
        raise source.error(("sha",), f"the battery changed under version {content.version}.", remedy)
    version = version or content.version
    text = _with_line(path.read_bytes().decode(), "version", f'version: "{version}"')
    _replace(path, _with_line(text, "sha", f'sha: "{sha}"'))
    return f"{path}: sealed {content.battery} version {version}, {len(content.prompts)} prompts, sha {sha}."


def _with_line(text: str, key: str, line: str) -> str:
    """Return `text` with its top-level line for `key` replaced, or put in after the version."""
    if re.search(rf"^{key}:", text, re.MULTILINE):
        return re.sub(rf"^{key}:[^\r\n]*", line, text, count=1, flags=re.MULTILINE)
    return re.sub(r"^version:[^\r\n]*", rf"\g<0>\n{line}", text, count=1, flags=re.MULTILINE)


def _replace(path: Path, text: str) -> None:
    """Write `text` to `path` so that a reader sees the old file or the new one, never a part."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_bytes(text.encode())
    fresh.replace(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 2 where the battery cannot be sealed."""
    parser = argparse.ArgumentParser(prog=SEAL, description="Write the sha of a battery's content into its file.")
    parser.add_argument("file", type=Path, help="the battery's YAML file")
    parser.add_argument("--version", help="the new version, needed when the content changed since the last seal")
    options = parser.parse_args(arguments)
    try:
        sys.stdout.write(f"{seal(options.file, options.version)}\n")
    except PanelError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
