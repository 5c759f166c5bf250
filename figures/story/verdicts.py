"""The verdicts of the cases that test the figures' lines, kept beside the figures."""

from __future__ import annotations

import json
from pathlib import Path

from figures.story.chapters import CHAPTERS, Scene
from gmm_flatness.store import content_key, source_digest, write_text

FILE = "checks.json"


def update(folder: Path, *, workers: int | None = -1) -> None:
    """Run the cases of all figures in the fast setting, unless `folder` has their verdicts for these sources."""
    from gmm_flatness.checks import all_cases
    from gmm_flatness.checks.campaign import run_campaign
    from gmm_flatness.checks.command import select

    asked = sorted({case for chapter in CHAPTERS for scene in chapter.scenes for case in scene.cases})
    key = content_key(source_digest(run_campaign), asked)
    if _stored(folder).get("key") != key:
        campaign = run_campaign(select(all_cases(), asked), fast=True, workers=workers)
        found = {outcome.case.name: outcome.verdict for outcome in campaign.outcomes}
        write_text(folder / FILE, json.dumps({"key": key, "verdicts": found}, indent=1) + "\n")


def verdict(folder: Path, scene: Scene) -> str:
    """How many of the figure's cases pass, and which do not; empty where they were not run."""
    stored = _stored(folder).get("verdicts", {})
    found = {name: outcome for name, outcome in stored.items() if name.startswith(scene.cases)}
    others = [f"{name} {outcome}" for name, outcome in found.items() if outcome != "pass"]
    if not found:
        return ""
    return "; ".join([f"{len(found) - len(others)} of {len(found)} cases pass", *others])


def command(scene: Scene) -> str:
    """What runs the figure's cases."""
    return " \\\n    ".join(["gmm-flatness check", *(f"--only {case}" for case in scene.cases)])


def _stored(folder: Path) -> dict:
    try:
        return json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
