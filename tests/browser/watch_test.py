"""The page of `primal watch` in a browser: what it draws are the levels of its PNG files, and slider, keys, pointer, touch and play do
what they say. Skipped (77) without Chromium or Selenium.

    watch_test.py PRIMAL [FOLDER]     pictures of the pages are kept in FOLDER
"""
import base64
import json
import os
import subprocess
import sys
import tempfile
import time
import zlib

from driver import ActionChains, Browser, Keys

WIDTH, HEIGHT, LAST = 48, 32, 80


def png(width, height, level):
    """A grey PNG of 8 bit; level(x, y) in 0 .. 255."""
    def chunk(kind, body):
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")
    rows = b"".join(b"\0" + bytes(level(x, y) for x in range(width)) for y in range(height))
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def levels_of(uri):
    """The levels of a grey PNG of 8 bit in a data URI, by the PNG specification and without the browser."""
    data = base64.b64decode(uri.split(",", 1)[1])
    width, at, body = int.from_bytes(data[16:20], "big"), 8, b""
    while at < len(data):
        size = int.from_bytes(data[at:at + 4], "big")
        if data[at + 4:at + 8] == b"IDAT":
            body += data[at + 8:at + 8 + size]
        at += size + 12
    raw, out, above = zlib.decompress(body), [], [0] * width
    for start in range(0, len(raw), width + 1):
        kind, row = raw[start], []
        for i, value in enumerate(raw[start + 1:start + 1 + width]):
            left, up, corner = (row[i - 1] if i else 0), above[i], (above[i - 1] if i else 0)
            paeth = min((left, up, corner), key=lambda c: abs(left + up - corner - c))
            row.append((value + (0, left, up, (left + up) // 2, paeth)[kind]) % 256)
        out, above = out + row, row
    return out


class WatchPage:
    """A page in driver.py's browser once its pictures are read, and what people do to it."""

    def __init__(self, browser, file):
        self.page, self.driver, self.browser = browser.open(file), browser.driver, browser
        self.wait_until_ready()

    def wait_until_ready(self):
        self.wait(lambda: self.js("return document.getElementById('watch').dataset.ready") == "yes", "the page is ready")

    def command(self, name, **arguments):
        return self.driver.execute_cdp_cmd(name, arguments)

    def js(self, code, *arguments):
        return self.driver.execute_script(code, *arguments)

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def wait(self, holds, what, seconds=30):
        end = time.time() + seconds
        while not holds():
            assert time.time() < end, "timeout: " + what
            time.sleep(0.05)

    def press(self, *keys):
        actions = ActionChains(self.driver)
        for key in keys:
            actions.send_keys(key)
        actions.perform()

    def click(self, selector, x_share, y_share=0.5):
        """At this share of its width and height."""
        place = self.find(selector)
        self.js("arguments[0].scrollIntoView({block: 'center'})", place)
        size = place.size
        ActionChains(self.driver).move_to_element_with_offset(
            place, round(size["width"] * (x_share - 0.5)), round(size["height"] * (y_share - 0.5))).click().perform()

    def change(self, selector, value, event):
        self.js("""const e = document.querySelector(arguments[0]); e.value = arguments[1];
                   e.dispatchEvent(new Event(arguments[2], {bubbles: true}))""", selector, value, event)

    @property
    def k(self):
        return int(self.js("return document.getElementById('watch').dataset.k"))

    @property
    def pixel(self):
        return self.js("return document.getElementById('watch').dataset.pixel")

    def canvas(self, place):
        """The levels of red, green and blue that a picture shows."""
        code = """const shown = document.querySelector(arguments[0] + ' canvas'), copy = document.createElement('canvas');
                  [copy.width, copy.height] = [shown.width, shown.height];
                  const context = copy.getContext('2d', {willReadFrequently: true});
                  context.drawImage(shown, 0, 0);
                  return Array.from(context.getImageData(0, 0, copy.width, copy.height).data)"""
        return self.js(code, place)


def check_pictures(page, data):
    frames = data["frames"]
    dual = [0] * (2 * WIDTH * HEIGHT)
    for i, frame in enumerate(frames):
        x, change = levels_of(frame["x"]), levels_of(frame["q"])
        dual = [(a + b) % 256 for a, b in zip(dual, change)]
        assert page.js("return Array.from(pictures[arguments[0]].x)", i) == x, f"x of k = {frame['k']}"
        assert page.js("return Array.from(pictures[arguments[0]].q)", i) == dual, f"q of k = {frame['k']}"
    page.js("goTo(ks.length - 1)")
    assert page.canvas("#stack-x") == [level for v in x for level in (v, v, v, 255)], "the picture shown is the last"
    drawn = page.canvas("#stack-active")
    none, at = [40, 42, 46, 255], 0
    active = 0
    for row in range(HEIGHT):
        for column in range(WIDTH):
            pair = dual[2 * WIDTH * row + column], dual[2 * WIDTH * row + column + WIDTH]
            is_active = any(level and abs(level - 128) == data["dual_steps"] for level in pair)
            assert (drawn[at:at + 4] != none) == is_active, (row, column, pair)
            active, at = active + is_active, at + 4
    assert 0 < active < WIDTH * HEIGHT
    return x, dual


def check_slider(page):
    page.js("goTo(0)")
    mark = "return document.querySelector('#chart-gap line.now').getAttribute('x1')"
    first, first_mark = page.canvas("#stack-x"), page.js(mark)
    page.js("document.getElementById('slider').focus()")
    page.press(Keys.ARROW_RIGHT)
    assert page.k == 1, page.k
    page.press(Keys.END)
    assert page.k == LAST and page.canvas("#stack-x") != first and page.js(mark) != first_mark
    assert page.find("#slider").get_attribute("aria-valuetext") == f"iteration {LAST} of {LAST}"
    page.press(Keys.ARROW_LEFT)
    assert 1 < page.k < LAST
    page.press(Keys.HOME)
    assert page.k == 0 and page.canvas("#stack-x") == first and page.js(mark) == first_mark
    page.click("#slider", 0.5)
    assert 5 < page.k < LAST, page.k
    page.click("#chart-energy", 0.98)
    assert page.k == LAST, page.k
    page.js("document.activeElement.blur()")
    page.press(Keys.HOME, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert page.k == 2, "keys work where nothing has the focus"


def check_play(page):
    page.js("goTo(0); document.activeElement.blur()")
    page.press(" ")
    assert page.find("#play").text == "Pause"
    page.wait(lambda: page.k >= 2, "play moves on")
    page.press(" ")
    stopped = page.k
    time.sleep(0.6)
    assert page.k == stopped and page.find("#play").text == "Play", "pause stops"
    page.change("#speed", "15", "change")
    page.find("#play").click()
    page.wait(lambda: page.k == LAST, "play reaches the last iteration")
    assert page.find("#play").text == "Play"
    page.find("#play").click()
    page.wait(lambda: page.k < LAST, "play begins again at the end")
    page.find("#play").click()


def check_pixel(page, x, dual):
    page.js("goTo(ks.length - 1)")
    path = "return document.querySelector('#chart-pixel path').getAttribute('d')"
    before = page.js(path)
    page.click("#stack-x", 10.5 / WIDTH, 7.5 / HEIGHT)
    assert page.pixel == "10,7", page.pixel
    assert page.js(path) != before, "the curve is of another pixel"
    assert page.js(path).count("L") == page.js("return ks.length") - 1
    value = x[7 * WIDTH + 10] / 255
    text = page.find("#pixel-text").text
    assert f"column 10, row 7: x = {value:.3f}" in text, text
    assert f"x {value:.3f}" in page.find("#chart-pixel").text
    right, down = ((dual[2 * WIDTH * 7 + 10 + side] - 128) / 63 for side in (0, WIDTH))
    assert right != down and f"to the right {right:.2f}" in text and f"down {down:.2f}" in text, (text, right, down)
    page.js("document.querySelector('#stack-q canvas').focus()")
    page.press(Keys.ARROW_RIGHT, Keys.ARROW_DOWN)
    assert page.pixel == "11,8" and page.k == LAST, "arrows move the pixel where a picture has the focus"
    page.js("pickPixel(-5, 1000)")
    assert page.pixel == f"0,{HEIGHT - 1}", "never outside"


def check_views(page):
    seen = set()
    for how in ("size", "direction", "horizontal", "vertical"):
        page.change("#dual-view", how, "change")
        seen.add(tuple(page.canvas("#stack-q")))
    assert len(seen) == 4, "four ways to show q"
    page.change("#opacity", "60", "input")
    assert page.js("return getComputedStyle(document.querySelector('.over')).opacity") == "0.6"


def check_touch(page):
    page.command("Emulation.setTouchEmulationEnabled", enabled=True)
    box = page.js("""const e = document.querySelector('#stack-active'); e.scrollIntoView({block: 'center'});
                     const b = e.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]""")
    point = {"x": box[0] + box[2] * 20.5 / WIDTH, "y": box[1] + box[3] * 4.5 / HEIGHT}
    page.command("Input.dispatchTouchEvent", type="touchStart", touchPoints=[point])
    page.command("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    page.wait(lambda: page.pixel == "20,4", f"a touch picks a pixel, not {page.pixel}", 5)
    page.command("Emulation.setTouchEmulationEnabled", enabled=False)


def check_looks(page):
    page.page.check()
    page.page.screenshots("watch")
    page.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    page.driver.refresh()
    page.wait_until_ready()
    assert page.find("#speed").get_attribute("value") == "2", "less motion was asked for"
    page.browser.emulate("light")
    unnamed = page.js("""return Array.from(document.querySelectorAll('input, select, button, canvas[tabindex], svg')).filter(e =>
        !(e.getAttribute('aria-label') || e.textContent.trim() || e.closest('label'))).map(e => e.outerHTML)""")
    assert not unnamed, unnamed


def make_page(primal, folder, name, *options):
    file = os.path.join(folder, name)
    subprocess.run([primal, "watch", os.path.join(folder, "a.png"), "-q", "-o", file, *options], check=True,
                   stdout=subprocess.DEVNULL)
    return file


def main():
    primal = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "a.png"), "wb") as out:
            out.write(png(WIDTH, HEIGHT, lambda x, y: 190 if (x - 24) ** 2 + (y - 14) ** 2 < 90 else 60 + x))
        noisy = make_page(primal, folder, "noisy.html", "--noise", "0.4", "--lambda", "0.12", "--iterations", str(LAST))
        plain = make_page(primal, folder, "plain.html", "--iterations", "5")
        with Browser(sys.argv[2] if len(sys.argv) > 2 else os.path.join(folder, "shots")) as browser:
            check_noisy(WatchPage(browser, noisy))
            check_plain(WatchPage(browser, plain))
    print("the page of primal watch does what it says")


def check_noisy(page):
    assert page.k == 0
    data = json.loads(page.js("return document.getElementById('watch-data').textContent"))
    assert data["frames"][-1]["k"] == LAST
    x, dual = check_pictures(page, data)
    check_slider(page)
    check_play(page)
    check_pixel(page, x, dual)
    check_views(page)
    check_touch(page)
    assert page.find("#chart-psnr path").get_attribute("d"), "PSNR is a curve"
    check_looks(page)


def check_plain(page):
    assert not page.find("#figure-psnr").is_displayed(), "no PSNR without a clean picture"
    page.press(Keys.END)
    assert page.k == 5
    page.page.check()


if __name__ == "__main__":
    main()
