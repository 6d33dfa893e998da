"""A headless Chromium for tests of Primal's pages: what a page does in a browser, and pictures of it.

    from driver import Browser
    with Browser(OUT) as browser:
        page = browser.open("runs/a/report.html")
        page.check()                     # no console message, no request beyond the file, all pictures loaded, no overflow
        page.check_slider()              # arrow keys and the pointer move the handle of the first pair of pictures
        page.screenshots("a")            # OUT/a_light.png, a_dark.png, a_phone.png; OUT/a.pdf

A failed check is an AssertionError that says what was found. Debian 12: chromium, chromium-driver, python3-selenium; where one is
missing, importing this ends the test with exit code 77, which CTest shows as skipped, and prints the reason.
"""

import base64
import json
import os
import pathlib
import re
import shutil
import sys
import time

SYSTEM_PYTHON = "/usr/bin/python3"  # the one that python3-selenium belongs to


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


try:
    from selenium import webdriver
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys
except ImportError:
    if os.path.exists(SYSTEM_PYTHON) and os.path.realpath(sys.executable) != os.path.realpath(SYSTEM_PYTHON):
        os.execv(SYSTEM_PYTHON, [SYSTEM_PYTHON, *sys.argv])
    skip("no selenium here (Debian: python3-selenium)")

WIDE, PHONE = (1280, 900), (390, 844)  # pixels
LONGEST = 16000  # pixels of a screenshot's height

# What of the page reaches beyond its right edge, but for what scrolls by itself or is clipped.
OVERFLOW = """
const limit = document.documentElement.clientWidth + 1;
const scrolls = e => e && (["auto", "scroll", "hidden"].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
return [...document.querySelectorAll("body *")]
  .filter(e => e.getBoundingClientRect().right > limit && !scrolls(e.parentElement))
  .map(e => e.tagName + " " + (e.textContent || "").slice(0, 40));
"""
BROKEN_PICTURES = """
return [...document.images].filter(i => !i.complete || i.naturalWidth === 0 || i.naturalHeight === 0 ||
  i.getBoundingClientRect().width === 0).map(i => i.alt || "picture without a name");
"""


class Page:
    def __init__(self, browser, file):
        self.browser, self.driver = browser, browser.driver
        self.url = pathlib.Path(file).resolve().as_uri()
        self.driver.get(self.url)
        self.requests, self.console = [], []
        self.read_logs()

    def read_logs(self):
        """Requests and console messages so far; each is kept."""
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])
        self.console += [f'{m["level"]} {m["message"]}' for m in self.driver.get_log("browser")]

    def check(self):
        self.check_console()
        self.check_requests()
        self.check_pictures()
        for size in (WIDE, PHONE):
            self.browser.resize(*size)
            found = self.driver.execute_script(OVERFLOW)
            assert not found, f"{self.url}: reaches beyond the right edge at {size[0]} pixels: {found[:5]}"
        self.browser.resize(*WIDE)

    def check_console(self):
        self.read_logs()
        assert not self.console, f"{self.url}: the console says {self.console}"

    def check_requests(self):
        self.read_logs()
        outside = [u for u in self.requests if not u.startswith("data:") and u.split("#")[0] != self.url]
        assert not outside, f"{self.url}: asks for {outside}"
        assert self.url in self.requests, f"{self.url}: no request for the page itself was seen: {self.requests}"

    def check_pictures(self, at_least=0):
        broken = self.driver.execute_script(BROKEN_PICTURES)
        assert not broken, f"{self.url}: pictures that did not load: {broken}"
        n = self.driver.execute_script("return document.images.length")
        assert n >= at_least, f"{self.url}: {n} pictures, expected {at_least} or more"

    def at(self, pair):
        """Where the handle of a pair of pictures stands, in per cent: what the page shows, not what the input says."""
        return float(
            self.driver.execute_script("return getComputedStyle(arguments[0]).getPropertyValue('--at')", pair).strip(" %")
        )

    def check_slider(self):
        pair = self.driver.find_elements("css selector", ".compare")[0]
        handle = pair.find_element("css selector", "input")
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", pair)
        start = self.at(pair)
        handle.send_keys(Keys.ARROW_RIGHT * 4)
        right = self.at(pair)
        assert right > start, f"{self.url}: the right arrow moved the handle from {start} to {right}"
        handle.send_keys(Keys.ARROW_LEFT * 8)
        assert self.at(pair) < right, f"{self.url}: the left arrow did not move the handle back from {right}"
        width = pair.size["width"]
        for share in (0.25, 0.75):
            offset = round((share - 0.5) * width)
            ActionChains(self.driver).move_to_element_with_offset(handle, offset, 0).click().perform()
            found = self.at(pair)
            assert abs(found - 100 * share) < 5, f"{self.url}: a click at {share} of the width put the handle at {found} %"
        shown = self.driver.execute_script(
            "return getComputedStyle(arguments[0].querySelector('.before')).clipPath", pair
        )
        cut = re.search(r"([\d.]+)%", shown)
        assert cut and abs(float(cut[1]) - (100 - self.at(pair))) < 1, f"{self.url}: the picture is cut by {shown}"

    def colour_of_paper(self):
        return self.driver.execute_script("return getComputedStyle(document.body).backgroundColor")

    def screenshots(self, name):
        """Light and dark, wide and on a phone, and printed. The two themes must differ, and each file show something."""
        papers = {}
        for theme in ("light", "dark"):
            self.browser.emulate(theme)
            papers[theme] = self.colour_of_paper()
            self.shoot(f"{name}_{theme}.png")
        assert papers["light"] != papers["dark"], f"{self.url}: light and dark have the same paper {papers}"
        self.browser.emulate("light")
        self.browser.resize(*PHONE)
        self.shoot(f"{name}_phone.png")
        self.browser.resize(*WIDE)
        pdf = base64.b64decode(self.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"])
        assert pdf.startswith(b"%PDF-") and len(pdf) > 1000, f"{self.url}: printed as {len(pdf)} bytes"
        (self.browser.out / f"{name}.pdf").write_bytes(pdf)

    def shoot(self, name):
        height = min(self.driver.execute_script("return document.documentElement.scrollHeight"), LONGEST)
        width = self.driver.execute_script("return document.documentElement.clientWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        png = base64.b64decode(shot["data"])
        assert len(png) > 1000, f"{self.url}: a screenshot of {len(png)} bytes"
        (self.browser.out / name).write_bytes(png)


class Browser:
    """Chromium with its own empty profile, at light colours and 1280 x 900 pixels; its pictures go to the folder `out`."""

    def __init__(self, out):
        self.out = pathlib.Path(out)
        self.out.mkdir(parents=True, exist_ok=True)
        chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
        if chromium is None or chromedriver is None:
            skip("no chromium here (Debian: chromium, chromium-driver)")
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars",
                         "--no-first-run", "--disable-background-networking", "--disable-component-update"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        try:
            self.driver = webdriver.Chrome(service=Service(chromedriver), options=options)
        except WebDriverException as error:
            skip(f"chromium does not start here: {error.msg}")
        self.driver.set_page_load_timeout(60)
        self.driver.set_script_timeout(60)
        self.resize(*WIDE)
        self.emulate("light")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()

    def open(self, file):
        self.driver.get("about:blank")
        for log in ("performance", "browser"):  # those of earlier pages
            self.driver.get_log(log)
        return Page(self, file)

    def resize(self, width, height):
        """The page's size, also below the least width of a window."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500},
        )
        time.sleep(0.1)

    def emulate(self, theme):
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        )
