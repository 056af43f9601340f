"""Debian's Chromium, headless, by Playwright."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ARTIFACTS = Path(__file__).resolve().parents[1] / "artifacts"
CHROMIUM = "/usr/bin/chromium"
# The browser asks nobody but the shop: no updates, no telemetry, no start page.
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 30_000


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A fresh headless Chromium."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"needs Debian's {CHROMIUM}")
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs the Python package playwright")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def new_page(browser: Any, **context: Any) -> Any:
    """Return a page without any other's cookies or cache; `context` are Playwright's options (`color_scheme`, ...)."""
    page = browser.new_page(**{"viewport": {"width": 1280, "height": 900}, **context})
    page.set_default_timeout(PATIENCE_MS)
    return page


@contextlib.contextmanager
def browser_page(**context: Any) -> Iterator[Any]:
    """A page of a Chromium of its own."""
    with chromium() as browser:
        yield new_page(browser, **context)


def keep_picture(page: Any, name: str) -> Path:
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    picture = ARTIFACTS / f"{name}.png"
    page.screenshot(path=picture, full_page=True)
    return picture
