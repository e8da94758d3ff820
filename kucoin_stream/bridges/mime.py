"""How Jupyter is told of a widget."""

from __future__ import annotations

from typing import Any

WIDGET_MIME = "application/vnd.jupyter.widget-view+json"


def reference(model_id: str) -> dict[str, Any]:
    """Return the part of a display's data that has a front end show a widget."""
    return {WIDGET_MIME: {"version_major": 2, "version_minor": 0, "model_id": model_id}}
