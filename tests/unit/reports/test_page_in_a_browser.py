"""A report in a browser: light, dark, on a phone and on paper."""

import itertools
import re

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.support.wait import WebDriverWait

from agents_pipeline.reports import page

pytestmark = pytest.mark.slow

RUNS = {
  f"{name}/{seed}": (rate, seed)
  for (name, rate), seed in itertools.product(
    [("slow", 0.001), ("fast", 0.01)], range(3)
  )
}


@pytest.fixture
def report(browser, requested, make_run, tmp_path):
  """A report of six finished runs and a stopped one, opened."""
  folders = [
    make_run(
      name,
      f"Adam.learning_rate = {rate}",
      seed=seed,
      returns=(100 * rate + seed,),
      evaluations=[(0, 0.0), (300, 1000 * rate + seed)],
      video=b"no video",
    )
    for name, (rate, seed) in RUNS.items()
  ]
  folders.append(make_run("unfinished", outcome="stopped"))
  page.write(folders, tmp_path / "report.html")
  browser.get_log("browser")
  requested()  # drops what other tests did
  show(browser, 1200)
  browser.get((tmp_path / "report.html").as_uri())
  return browser


def show(browser, width, **features):
  """Sets the width of the page, in pixels, and media features."""
  browser.execute_cdp_cmd(
    "Emulation.setDeviceMetricsOverride",
    {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
  )
  named = [
    {"name": k.replace("_", "-"), "value": features[k]} for k in features
  ]
  browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": named})


def plots(browser):
  return browser.find_elements("css selector", ".plot")


def wait(browser, condition):
  WebDriverWait(browser, 20, 0.05).until(lambda _: condition())


def test_it_lists_every_run_draws_every_chart_and_logs_no_error(
  report, requested
):
  body = report.find_element("tag name", "body").text
  for name in (*RUNS, "unfinished"):
    assert re.search(f"^{name} ", body, re.M), name
  assert "Not finished: 1 of 7 runs. unfinished: stopped." in body
  assert [p.accessible_name for p in plots(report)] == [
    f"CartPole-v1: {chart}"
    for chart in ("evaluation return", "training return", "performance profile")
  ]
  for canvas in report.find_elements("css selector", ".plot canvas"):
    colors = report.execute_script(
      "const {width, height} = arguments[0];"
      "return new Set(new Uint32Array(arguments[0].getContext('2d')"
      ".getImageData(0, 0, width, height).data.buffer)).size",
      canvas,
    )
    assert colors > 10
  # The videos of this test are none, which a browser may say.
  log = [e for e in report.get_log("browser") if "data:video" not in str(e)]
  assert log == []
  first, *others = requested()
  assert first == report.current_url
  assert all(url.startswith("data:") for url in others)


def test_hovering_shows_the_numbers(report):
  plot = plots(report)[0]
  area = plot.find_element("css selector", ".u-over")
  right = area.size["width"] // 2 - 2
  ActionChains(report).move_to_element_with_offset(area, right, 0).perform()
  wait(report, lambda: "300" in plot.text)
  # 1000 times the rate plus 0, 1, 2; the unfinished run has 5.
  assert "learning_rate = 0.01: 11 (10 to 12, 3 seeds)" in legend(plot)
  assert "learning_rate = 0.001: 2.5 (1 to 5, 4 seeds)" in legend(plot)


def legend(plot):
  rows = plot.find_elements("css selector", ".u-series")
  return [
    ": ".join(part.text for part in row.find_elements("xpath", "./*"))
    for row in rows
    if row.is_displayed()
  ]


def test_a_click_on_a_name_hides_its_line_and_band(report):
  plot = plots(report)[0]
  shown = lambda: report.execute_script(
    "return plots[0].series.map((s) => s.show)"
  )
  assert shown() == [True] * 7
  plot.find_elements("css selector", ".u-series th")[3].click()
  wait(report, lambda: shown() == [True] + [False] * 3 + [True] * 3)


def test_it_follows_the_brightness_that_the_reader_prefers(report):
  brightness = lambda: report.execute_script(
    "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g)"
    ".reduce((sum, part) => sum + Number(part), 0)"
  )
  picture = lambda: report.execute_script(
    "return document.querySelector('.plot canvas').toDataURL()"
  )
  assert brightness() > 700
  light = picture()
  show(report, 1200, prefers_color_scheme="dark")
  wait(report, lambda: brightness() < 150 and picture() != light)
  # On paper it is light again.
  report.execute_script("dispatchEvent(new Event('beforeprint'))")
  assert brightness() > 700
  assert report.find_element("css selector", "details").get_property("open")
  wait(report, lambda: plots(report)[0].size["width"] > 640)
  assert report.execute_script("return plots[0].width") == 640
  report.execute_script("dispatchEvent(new Event('afterprint'))")
  assert brightness() < 150


def test_it_fits_a_phone(report):
  show(report, 390)
  width = lambda: report.execute_script(
    "return document.documentElement.scrollWidth"
  )
  wait(report, lambda: report.execute_script("return plots[0].width") < 390)
  assert width() <= 390
  for plot in plots(report):
    assert plot.size["width"] < 390
