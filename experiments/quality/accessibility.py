#!/usr/bin/env python3
"""What the accessibility checker axe finds on the project's pages, in Chromium, at every stop of the tours.

    python -m venv BROWSER --system-site-packages && BROWSER/bin/pip install playwright  # and Debian's chromium
    npm pack axe-core && tar xzf axe-core-*.tgz package/axe.min.js
    PYTHONPATH=BROWSER/lib/python3.11/site-packages .venv/bin/python experiments/quality/accessibility.py \
        --axe package/axe.min.js --pages results/papers/avatar/index.html --study http://127.0.0.1:8000

The pages of docs/learn are looked at in both languages, in light and dark colours, every stop with its
sliders moved. --pages are further files, looked at as they are. --study is the address of a reader study
that is being served (`make reader-study`): a reader consents and answers some questions, in both
languages, and stays in its store. Writes results/accessibility.json: by page the rules that axe found
broken, with their weight, those that it could not decide, and how many hold.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

RESULT = Path(__file__).parent / "results" / "accessibility.json"
LEARN = Path(__file__).parents[2] / "docs" / "learn"
LANGUAGES, SCHEMES, STOPS, QUESTIONS = ("de", "en"), ("light", "dark"), 6, 12
CHROMIUM, ARGUMENTS = "/usr/bin/chromium", ["--no-sandbox", "--disable-dev-shm-usage"]
NAMES = "[...new Set([...document.querySelectorAll('input[type=radio]')].map(each => each.name))]"
"""Of the questions on a page, in its own language."""
GUESS = "100"
"""What is typed where a tour asks for a number, so that the next stop has something to show."""


def looked_at(page: Page, axe: str) -> dict[str, Any]:
    """Return what axe finds on a page as it is."""
    page.wait_for_timeout(200)
    page.evaluate(axe)
    found = page.evaluate("axe.run(document)")
    return {
        "broken": {each["id"]: each["impact"] for each in found["violations"]},
        "undecided": sorted(each["id"] for each in found["incomplete"]),
        "hold": len(found["passes"]),
    }


def tour(page: Page, name: str, language: str, axe: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Go from stop to stop of a page of docs/learn."""
    page.goto((LEARN / f"{name}.html").as_uri())
    page.click(f"button[data-language={language}]")
    for stop in range(1, STOPS + 1):
        for number in page.locator("input[type=number]:visible").all():
            number.fill(GUESS)
            number.press("Enter")
        for slider in page.locator("input[type=range]:visible").all():
            for _ in range(5):
                slider.press("ArrowRight")
        yield f"stop {stop}", looked_at(page, axe)
        following = page.locator("#next:visible")
        if not following.count():
            return
        following.click()


def study(
    page: Page, address: str, language: str, axe: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Take part in a reader study for some questions."""
    page.goto(address)
    if page.evaluate("document.documentElement.lang") != language:
        page.click(f"button[lang={language}]")
    yield "consent", looked_at(page, axe)
    page.check("#consent")
    page.click("form[action='/begin'] button")
    yield "code", looked_at(page, axe)
    for number in range(QUESTIONS):
        if page.locator("input[type=radio]").count():
            for name in page.evaluate(
                "[...new Set([...document.querySelectorAll('input[type=radio]')].map(e => e.name))]"
            ):
                page.locator(f"input[name='{name}']").first.check(force=True)
            page.locator("form:has(input[type=radio]) button").first.click()
        else:
            page.locator("main a:visible, main form button:visible").first.click()
        yield f"page {number + 1}", looked_at(page, axe)


def walked(browser: Browser, asked: argparse.Namespace) -> Iterator[tuple[str, dict[str, Any]]]:
    """Look at all pages, one after the other."""
    axe = asked.axe.read_text(encoding="utf-8")
    for scheme in SCHEMES:
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        for language in LANGUAGES:
            for name in sorted(path.stem for path in LEARN.glob("*.html")):
                for where, found in tour(page, name, language, axe):
                    yield f"learn/{name}, {language}, {scheme}, {where}", found
            if asked.study:
                context.clear_cookies()
                for where, found in study(page, asked.study, language, axe):
                    yield f"reader study, {language}, {scheme}, {where}", found
        for path in asked.pages:
            page.goto(path.resolve().as_uri())
            yield f"{path.parent.name}/{path.name}, {scheme}", looked_at(page, axe)
        context.close()


def main() -> None:
    """Look and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--axe", type=Path, required=True, help="axe.min.js")
    parser.add_argument("--pages", type=Path, nargs="*", default=[])
    parser.add_argument("--study", default="")
    asked = parser.parse_args()
    with sync_playwright() as run:
        browser = run.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        found = dict(walked(browser, asked))
        browser.close()
    broken = {name: each["broken"] for name, each in found.items() if each["broken"]}
    RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{len(found)} views, {len(broken)} with broken rules")
    for name, rules in broken.items():
        print(f"{name}: {rules}")


if __name__ == "__main__":
    main()
