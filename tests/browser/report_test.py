"""The pages of `primal train`, `evaluate` and `report` in a browser.

    report_test.py PRIMAL [FOLDER]     pictures of the pages are kept in FOLDER

Makes small pages with the program itself, in seconds, and checks them as driver.py says. Skipped (77) without Chromium or Selenium.
"""

import pathlib
import subprocess
import sys
import tempfile

from driver import Browser

TINY = {
    "denoise": "data.size=32 model.filters=2 model.blocks=1 model.iterations=8 data.n_train=6 data.n_validation=2",
    "classify": "data.n_train=12 data.n_validation=6 classifier.size=32 classifier.filters=2 classifier.hidden=4 "
                "data.target=noise",
    "reconstruct": "data.n_train=12 data.n_validation=6 autoencoder.layout=mnist autoencoder.filters=2 "
                   "autoencoder.latent=8",
}


def run(*arguments):
    done = subprocess.run([*map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, f"{arguments}: exit code {done.returncode}\n{done.stderr}"


def train(primal, kind, out, *more):
    settings = [word for pair in TINY[kind].split() for word in ("--set", pair)]
    run(primal, "train", "-q", "--steps", 12, "--set", f"task.kind={kind}", *settings, *more, "-o", out)


def evaluate(primal, model, data, out):
    run(primal, "evaluate", model, "--data", data, "--grid", "0:0.4:9", "--scalar-iterations", 16, "-q", "-o", out)


def make_pictures(primal, folder):
    """Four clean pictures of 40 x 40."""
    run(primal, "data", "noisy", "--phantom", 4, "--size", 40, "-o", folder)
    return folder


def main():
    primal = sys.argv[1]
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(temporary)
        out = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else work / "shots"
        with Browser(out) as browser:
            check_pages(browser, primal, work)


def check_pages(browser, primal, work):
    for kind in TINY:
        train(primal, kind, work / kind)
        page = browser.open(work / kind / "report.html")
        page.check()
        assert not browser.driver.find_elements("css selector", "meta[http-equiv=refresh]"), f"{kind}: reloads for ever"
        if kind != "classify":
            page.check_slider()
        page.screenshots(f"train_{kind}")

    evaluate(primal, work / "denoise", make_pictures(primal, work / "pictures"), work / "evaluation")
    page = browser.open(work / "evaluation/report.html")
    page.check()
    page.check_slider()
    page.check_pictures(at_least=8)
    page.screenshots("evaluation")

    # A folder whose files are broken still makes a page that a browser shows without complaint.
    (work / "denoise/last.safetensors").write_bytes(b"no tensors")
    (work / "denoise/best.safetensors").unlink()
    (work / "denoise/config.toml").write_text("[data\nfolder = \"<script>alert(1)</script>\"  # <b>\n")
    run(primal, "report", work / "denoise", "-q", "-o", work / "damaged.html")
    page = browser.open(work / "damaged.html")
    page.check()
    page.screenshots("damaged")
    print(f"pages checked in {browser.driver.capabilities['browserVersion']}")


if __name__ == "__main__":
    main()
