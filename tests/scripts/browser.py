"""A page in headless Chromium, for the tests of pages: Debian's chromium, chromium-driver and python3-selenium. A test that imports this
ends with exit code 77 (skipped) where they are missing.
"""
import base64
import json
import os
import shutil
import sys
import time

try:
    from selenium import webdriver
    from selenium.webdriver import ActionChains
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys  # noqa: F401, for the tests
except ImportError:
    # Debian's module belongs to Debian's interpreter.
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3"] + sys.argv)
    print("skipped: no python3-selenium")
    sys.exit(77)
if not shutil.which("chromedriver") or not shutil.which("chromium"):
    print("skipped: no chromium and chromium-driver")
    sys.exit(77)


def start_browser():
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))


class Page:
    """`is_ready` is an expression that becomes true once the page's scripts have done their work."""

    def __init__(self, browser, file, is_ready):
        self.browser, self.file, self.is_ready = browser, file, is_ready

    def open(self, width=1280, height=900, media=()):
        features = [{"name": name, "value": value} for name, value in media]
        self.command("Emulation.setEmulatedMedia", features=features)
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.browser.get("file://" + self.file)
        self.wait(lambda: self.js(f"return {self.is_ready}"), "the page is ready")

    def command(self, name, **arguments):
        return self.browser.execute_cdp_cmd(name, arguments)

    def js(self, code, *arguments):
        return self.browser.execute_script(code, *arguments)

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def wait(self, holds, what, seconds=30):
        end = time.time() + seconds
        while not holds():
            assert time.time() < end, "timeout: " + what
            time.sleep(0.05)

    def press(self, *keys):
        actions = ActionChains(self.browser)
        for key in keys:
            actions.send_keys(key)
        actions.perform()

    def click(self, selector, x_share, y_share=0.5):
        """At this share of its width and height."""
        place = self.find(selector)
        self.js("arguments[0].scrollIntoView({block: 'center'})", place)
        size = place.size
        ActionChains(self.browser).move_to_element_with_offset(
            place, round(size["width"] * (x_share - 0.5)), round(size["height"] * (y_share - 0.5))).click().perform()

    def change(self, selector, value, event):
        self.js("""const e = document.querySelector(arguments[0]); e.value = arguments[1];
                   e.dispatchEvent(new Event(arguments[2], {bubbles: true}))""", selector, value, event)

    def shot(self, folder, name):
        if folder:
            height = self.js("return document.documentElement.scrollHeight")
            width = self.js("return innerWidth")
            clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
            shot = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
            with open(os.path.join(folder, name), "wb") as out:
                out.write(base64.b64decode(shot["data"]))

    def check_quiet(self):
        """Nothing on the console, and no request beyond the file and its data URIs."""
        messages = self.browser.get_log("browser")
        assert not messages, messages
        for entry in self.browser.get_log("performance"):
            event = json.loads(entry["message"])["message"]
            if event["method"] == "Network.requestWillBeSent":
                url = event["params"]["request"]["url"]
                assert url.startswith("data:") or url == "file://" + self.file, url
