"""The page of `primal profile --report` in a browser.

    profile_test.py PRIMAL [FOLDER]     pictures of the page are kept in FOLDER

Skipped (77) without Chromium or Selenium.
"""

import pathlib
import subprocess
import sys
import tempfile

from driver import Browser


def main():
    primal = sys.argv[1]
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(temporary)
        out = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else work / "shots"
        (work / "small.toml").write_text("[data]\nsize = 32\n[model]\nfilters = 16\nblocks = 1\niterations = 4\n")
        subprocess.run([primal, "profile", "--step", "--config", work / "small.toml", "--rounds", "1", "--min-time", "0", "-q",
                        "--report", work / "step.html"], check=True, stdout=subprocess.DEVNULL)
        with Browser(out) as browser:
            page = browser.open(work / "step.html")
            page.check()
            drawings = browser.driver.execute_script(
                "return [...document.querySelectorAll('figure svg')].map(s => s.getBoundingClientRect().height)")
            assert len(drawings) == 2 and min(drawings) > 300, f"figures of these heights: {drawings}"
            rows = "return document.querySelectorAll('details tr').length"
            fold = browser.driver.find_element("css selector", "summary")
            shown = "return document.querySelector('details table').getBoundingClientRect().height"
            assert browser.driver.execute_script(rows) > 10
            fold.click()
            assert browser.driver.execute_script(shown) > 100, "the table of all layers did not open"
            page.check()
            page.screenshots("profile")


if __name__ == "__main__":
    main()
