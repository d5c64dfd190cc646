"""The HTML film: what its file holds, and how its page behaves in a browser."""

import base64
import html.parser
import io
import itertools
import json
import os
import pathlib
import re
import shutil
import time

import gymnasium as gym
import numpy as np
import PIL.Image
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from agents_pipeline.evaluation import animation

NUM_FRAMES = 12
COLOURS = [(20 * i, 255 - 20 * i, 5 * i) for i in range(NUM_FRAMES)]


def write(path, frames, fps=10.0, title=""):
  with animation.HtmlWriter(path, fps, title) as film:
    for frame in frames:
      film.append_data(frame)
  return path.read_text(encoding="utf-8")


def flat(colour, shape=(40, 60)):
  return np.full((*shape, 3), colour, np.uint8)


def noise(num_frames, shape=(50, 70, 3)):
  return np.random.default_rng(0).integers(
    0, 256, (num_frames, *shape), np.uint8
  )


class Elements(html.parser.HTMLParser):
  """The attributes and the text of a page, by element."""

  def __init__(self, page):
    super().__init__()
    self.attributes, self.text, self._open = [], {}, ""
    self.feed(page)

  def handle_starttag(self, tag, attributes):
    self.attributes += attributes
    self._open = dict(attributes).get("id") or tag

  def handle_endtag(self, tag):
    self._open = ""

  def handle_data(self, data):
    self.text[self._open] = self.text.get(self._open, "") + data


def film_of(page):
  return json.loads(Elements(page).text["film"])


def decode(picture):
  encoded = io.BytesIO(base64.b64decode(picture, validate=True))
  with PIL.Image.open(encoded) as image:
    return np.array(image)


def test_every_frame_is_there_to_the_last_bit(tmp_path):
  frames = noise(3)
  film = film_of(write(tmp_path / "film.html", frames, fps=29.97))
  assert film["fps"] == 29.97
  np.testing.assert_array_equal([decode(f) for f in film["frames"]], frames)


def test_equal_frames_are_written_once(tmp_path):
  a, b = noise(2)
  kept = film_of(write(tmp_path / "film.html", [a, b, b, a, b]))["frames"]
  assert [type(f) for f in kept] == [str, str, int, int, int]
  assert kept[2:] == [1, 0, 1]
  # Same bytes, another shape: not equal.
  turned = write(tmp_path / "turned.html", [a, a.reshape(70, 50, 3)])
  assert decode(film_of(turned)["frames"][1]).shape == (70, 50, 3)


def test_frames_go_to_the_disk_as_they_come(tmp_path):
  path = tmp_path / "film.html"
  film = animation.HtmlWriter(path, 10)
  sizes = []
  for frame in noise(3, (100, 100, 3)):
    film.append_data(frame)
    sizes.append(path.stat().st_size)
  assert all(b - a > 20_000 for a, b in itertools.pairwise(sizes))
  film.close()
  film.close()  # as often as one likes
  assert len(film_of(path.read_text())["frames"]) == 3
  assert path.read_text().endswith("</html>\n")


def test_the_title_is_text_and_never_markup(tmp_path):
  title = """</title><script>alert("1 & 2")</script>{{fps}} {{frames}} 'é'"""
  page = write(tmp_path / "film.html", [flat(0)], title=title)
  text = Elements(page).text
  assert text["title"] == text["h1"] == title
  assert "<script>alert" not in page
  assert len(film_of(page)["frames"]) == 1


def test_nothing_comes_from_outside(tmp_path):
  page = write(tmp_path / "film.html", [flat(0)], title="CartPole-v1")
  sources = [
    value
    for name, value in Elements(page).attributes
    if name in ("src", "srcset", "href", "xlink:href", "data")
  ]
  assert all(source.startswith("data:") for source in sources)
  assert not re.search(r"https?:|@import|url\(|{{|}}", page)


def test_a_film_of_500_frames_of_cartpole_is_below_400_kb(tmp_path):
  env = gym.make("CartPole-v1", render_mode="rgb_array")
  env.action_space.seed(0)
  path, seen, ended = tmp_path / "film.html", set(), True
  with animation.HtmlWriter(path, env.metadata["render_fps"]) as film:
    for _ in range(500):
      if ended:
        env.reset(seed=len(seen))
      else:
        _, _, *ends, _ = env.step(env.action_space.sample())
      ended = not ended and any(ends)
      frame = env.render()
      seen.add(frame.tobytes())
      film.append_data(frame)
  env.close()
  assert frame.shape == (400, 600, 3) and len(seen) > 300
  assert path.stat().st_size < 400_000
  last = film_of(path.read_text())["frames"][-1]
  np.testing.assert_array_equal(decode(last), frame)


# In a browser.

in_a_browser = pytest.mark.slow


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
  """One headless Chromium for all tests."""
  names = ("chromium", "chromium-browser", "google-chrome")
  program = next(filter(None, map(shutil.which, names)), None)
  driver = shutil.which("chromedriver")
  if not (program and driver):
    missing = "no browser: Debian's packages chromium and chromium-driver"
    if os.environ.get("REQUIRE_BROWSER") == "1":
      pytest.fail(missing)
    pytest.skip(missing)
  options = webdriver.ChromeOptions()
  options.binary_location = program
  options.set_capability(
    "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"}
  )
  for option in (
    "headless=new",
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "disable-dev-shm-usage",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
    "force-color-profile=srgb",
    "window-size=900,700",
    f"user-data-dir={tmp_path_factory.mktemp('browser')}",
  ):
    options.add_argument(f"--{option}")
  running = webdriver.Chrome(options, Service(executable_path=driver))
  yield running
  running.quit()


class Page:
  """What a person sees of the film, and does with it."""

  def __init__(self, browser, path: pathlib.Path):
    self.browser = browser
    for log in ("browser", "performance"):
      browser.get_log(log)  # what was before is not ours
    browser.get(path.as_uri())

  def find(self, name):
    return self.browser.find_element("id", name)

  def click(self, name):
    self.find(name).click()

  def press(self, *keys):
    ActionChains(self.browser).send_keys(*keys).perform()

  def counted(self) -> int:
    """The frame that the counter names, from 0."""
    words = re.fullmatch(r"frame (\d+) of 12", self.find("counter").text)
    return int(words[1]) - 1

  def seen(self) -> int:
    """The frame whose colour is on the screen, from 0."""
    shot = io.BytesIO(self.find("frame").screenshot_as_png)
    image = np.array(PIL.Image.open(shot).convert("RGB"))
    return COLOURS.index(tuple(image[len(image) // 2, len(image[0]) // 2]))

  def playing(self) -> bool:
    label = self.find("play").get_attribute("aria-label")
    return {"Pause": True, "Play": False}[label]

  def wait(self, condition, seconds=20):
    WebDriverWait(self.browser, seconds, 0.02).until(lambda _: condition())

  def pause(self):
    if self.playing():
      self.click("play")
    return self.settled()

  def settled(self) -> int:
    """The frame that picture, counter and slider all agree on, and keep."""
    # Longer than a frame lasts: what still plays is found out.
    self.wait(lambda: self.seen() == self.counted())
    before = self.counted()
    time.sleep(0.3)
    assert self.seen() == self.counted() == before
    assert int(self.find("slider").get_property("value")) == before
    assert not self.playing()
    return before


@pytest.fixture
def page(browser, tmp_path):
  write(tmp_path / "film.html", map(flat, COLOURS), title="Colours <12>")
  return Page(browser, tmp_path / "film.html")


@in_a_browser
def test_it_plays_by_itself_through_every_frame(page):
  assert page.playing()
  seen = set()
  page.wait(lambda: seen.add(page.seen()) or len(seen) >= 6)
  counted = set()
  page.wait(lambda: counted.add(page.counted()) or len(counted) == NUM_FRAMES)
  assert page.find("frame").get_property("width") == 60
  assert page.browser.title == "Colours <12>"
  assert page.browser.get_log("browser") == []  # no error


@in_a_browser
def test_pause_stops_it_and_play_goes_on(page):
  page.wait(lambda: page.counted() == 2)
  index = page.pause()
  assert index >= 2
  page.click("play")
  page.wait(lambda: page.counted() > index)
  assert page.playing()


@in_a_browser
def test_steps_move_one_frame(page):
  page.pause()
  page.click("first")
  assert page.settled() == 0
  for index in (1, 2, 3):
    page.click("step")
    assert page.settled() == index
  page.click("back")
  assert page.settled() == 2
  page.click("last")
  assert page.settled() == NUM_FRAMES - 1
  page.click("step")  # there is none
  assert page.settled() == NUM_FRAMES - 1
  page.click("play")  # from the beginning
  page.wait(lambda: page.counted() < 4)
  page.click("back")  # stops it
  page.settled()


@in_a_browser
def test_the_slider_seeks_and_stops(page):
  slider = page.find("slider")
  travel = slider.size["width"] - 16  # the thumb is 16 pixels wide
  for index in (9, 2):
    offset = round((index / (NUM_FRAMES - 1) - 0.5) * travel)
    ActionChains(page.browser).move_to_element_with_offset(
      slider, offset, 0
    ).click().perform()
    assert page.settled() == index
  assert page.browser.switch_to.active_element == slider
  page.press(Keys.ARROW_RIGHT)  # one frame, not the slider's and the page's
  assert page.settled() == 3
  assert slider.get_attribute("aria-valuetext") == "frame 4 of 12"


@in_a_browser
def test_keys_play_and_step(page):
  page.press(" ")
  index = page.settled()
  page.press(" ")
  assert page.playing()
  page.wait(lambda: page.counted() != index)
  page.click("step")
  page.settled()
  page.press(" ")  # plays after a click too, and does not step once more
  assert page.playing()
  page.press(Keys.HOME)
  assert page.settled() == 0
  page.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
  assert page.settled() == 1
  page.press(Keys.END)
  assert page.settled() == NUM_FRAMES - 1


@in_a_browser
def test_a_control_in_focus_keeps_its_keys(page):
  page.pause()
  page.click("first")
  page.browser.execute_script("document.getElementById('step').focus()")
  page.press(" ")
  assert page.settled() == 1
  page.browser.execute_script("document.getElementById('loop').focus()")
  page.press(" ")
  assert page.settled() == 1
  assert not page.find("loop").is_selected()


@in_a_browser
def test_at_the_end_it_loops_or_stops(page):
  page.pause()
  assert page.find("loop").is_selected()
  page.press(Keys.END, Keys.ARROW_LEFT)
  page.click("play")
  page.wait(lambda: page.counted() < 4)
  assert page.playing()
  page.click("loop")
  page.wait(lambda: not page.playing())
  assert page.settled() == NUM_FRAMES - 1


@in_a_browser
@pytest.mark.parametrize("speed, seconds", [("4", 0.5), ("1", 2), ("0.5", 4)])
def test_the_speed_is_the_films_times_the_choice(
  browser, tmp_path, speed, seconds
):
  write(tmp_path / "film.html", map(flat, COLOURS), fps=4)
  page = Page(browser, tmp_path / "film.html")
  Select(page.find("speed")).select_by_value(speed)
  page.click("first")
  page.click("play")
  began = time.monotonic()
  page.wait(lambda: page.counted() >= 8)
  assert 0.8 * seconds < time.monotonic() - began < 1.9 * seconds


@in_a_browser
def test_equal_frames_are_shown_in_their_places(browser, tmp_path):
  order = [0, 1, 1, 0, 2, 0, 1, 2, 2, 0, 1, 2]
  frames = [flat(COLOURS[i]) for i in order]
  write(tmp_path / "film.html", frames)
  page = Page(browser, tmp_path / "film.html")
  page.press(Keys.HOME)
  for i, index in enumerate(order):
    page.wait(
      lambda i=i, index=index: (page.counted(), page.seen()) == (i, index)
    )
    page.press(Keys.ARROW_RIGHT)


@in_a_browser
def test_the_browser_asks_for_nothing(page):
  page.wait(lambda: page.counted() == 5)
  events = [
    json.loads(entry["message"])["message"]
    for entry in page.browser.get_log("performance")
  ]
  asked = [
    event["params"]["request"]["url"]
    for event in events
    if event["method"] == "Network.requestWillBeSent"
  ]
  assert asked[0] == page.browser.current_url
  assert all(url.startswith("data:") for url in asked[1:])
