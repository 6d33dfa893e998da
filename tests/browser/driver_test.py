"""That driver.py finds what it looks for: pages with one fault each.

    driver_test.py
"""

import pathlib
import tempfile

from driver import Browser

GREY = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='64' height='64'%3E%3Crect width='64' height='64'/%3E%3C/svg%3E"
PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>a page</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<style>body { background: white; } @media (prefers-color-scheme: dark) { body { background: black; } } DARK</style></head>
<body><div class="compare" style="position: relative; width: 300px; --at: 50%"><img class="before" alt="one" width="300"
style="clip-path: inset(0 calc(100% - var(--at)) 0 0)" src="GREY"><input type="range" min="0" max="100" value="50"
style="position: absolute; inset: 0; width: 300px; height: 100%; margin: 0; opacity: 0"></div>BODY
<script>document.querySelector("input").addEventListener("input", e => SLIDE);</script></body></html>"""
SLIDE = 'e.target.parentElement.style.setProperty("--at", e.target.value + "%")'

FAULTS = {
    "a warning": ({"BODY": "<script>console.warn('w')</script>"}, "the console says"),
    "an error": ({"BODY": "<script>nothing.at.all()</script>"}, "the console says"),
    "a request": ({"BODY": "<img alt='out' src='http://127.0.0.1:9/x.png'>"}, "asks for"),
    "a neighbour": ({"BODY": "<img alt='out' src='neighbour.png'>"}, "asks for"),
    "no picture": ({"BODY": "<img alt='broken' src='data:image/png;base64,AAAA'>"}, "did not load"),
    "too wide": ({"BODY": "<p style='width: 500px'>wide</p>"}, "beyond the right edge at 390"),
    "a dead handle": ({"SLIDE": "0"}, "moved the handle"),
    "one theme": ({"DARK": "@media all { body { background: white !important; } }"}, "have the same paper"),
}


def page(**changes):
    text = PAGE
    for key, value in {"BODY": "", "DARK": "", "SLIDE": SLIDE, "GREY": GREY, **changes}.items():
        text = text.replace(key, value)
    return text


def first_failure(browser, file):
    try:
        opened = browser.open(file)
        # Each fault before the next check could stumble over it.
        for check in (opened.check_requests, opened.check_pictures, opened.check, opened.check_slider):
            check()
        opened.screenshots(file.stem)
    except AssertionError as error:
        return str(error)
    return ""


def main():
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(temporary)
        with Browser(work / "shots") as browser:
            (work / "good.html").write_text(page())
            found = first_failure(browser, work / "good.html")
            assert not found, f"a good page fails: {found}"
            for i, (name, (changes, expected)) in enumerate(FAULTS.items()):
                file = work / f"fault_{i}.html"
                file.write_text(page(**changes))
                found = first_failure(browser, file)
                assert expected in found, f"{name}: expected '{expected}', found '{found}'"
    print(f"{len(FAULTS)} faults found")


if __name__ == "__main__":
    main()
