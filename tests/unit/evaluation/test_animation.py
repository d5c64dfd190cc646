"""HTML videos: the content of the file, and the page in a browser."""

import base64
import html.parser
import io
import itertools
import json
import pathlib
import re
import time

import gymnasium as gym
import numpy as np
import PIL.Image
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from agents_pipeline.evaluation import animation

NUM_FRAMES = 12
COLORS = [(20 * i, 255 - 20 * i, 5 * i) for i in range(NUM_FRAMES)]


def write(path, frames, fps=10.0, title=""):
  with animation.HtmlWriter(path, fps, title) as video:
    for frame in frames:
      video.append_data(frame)
  return path.read_text(encoding="utf-8")


def flat(color, shape=(40, 60)):
  return np.full((*shape, 3), color, np.uint8)


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


def video_of(page):
  return json.loads(Elements(page).text["video"])


def decode(picture):
  encoded = io.BytesIO(base64.b64decode(picture, validate=True))
  with PIL.Image.open(encoded) as image:
    return np.array(image)


def test_frames_are_lossless(tmp_path):
  frames = noise(3)
  video = video_of(write(tmp_path / "video.html", frames, fps=29.97))
  assert video["fps"] == 29.97
  np.testing.assert_array_equal([decode(f) for f in video["frames"]], frames)


def test_equal_frames_are_written_once(tmp_path):
  a, b = noise(2)
  kept = video_of(write(tmp_path / "video.html", [a, b, b, a, b]))["frames"]
  assert [type(f) for f in kept] == [str, str, int, int, int]
  assert kept[2:] == [1, 0, 1]
  # Same bytes, another shape: not equal.
  turned = write(tmp_path / "turned.html", [a, a.reshape(70, 50, 3)])
  assert decode(video_of(turned)["frames"][1]).shape == (70, 50, 3)


def test_frames_are_written_at_once(tmp_path):
  path = tmp_path / "video.html"
  video = animation.HtmlWriter(path, 10)
  sizes = []
  for frame in noise(3, (100, 100, 3)):
    video.append_data(frame)
    sizes.append(path.stat().st_size)
  assert all(b - a > 20_000 for a, b in itertools.pairwise(sizes))
  video.close()
  video.close()  # may be called twice
  assert len(video_of(path.read_text())["frames"]) == 3
  assert path.read_text().endswith("</html>\n")


def test_the_title_is_escaped(tmp_path):
  title = """</title><script>alert("1 & 2")</script>{{fps}} {{frames}} 'é'"""
  page = write(tmp_path / "video.html", [flat(0)], title=title)
  text = Elements(page).text
  assert text["title"] == text["h1"] == title
  assert "<script>alert" not in page
  assert len(video_of(page)["frames"]) == 1


def test_the_page_has_no_external_resources(tmp_path):
  page = write(tmp_path / "video.html", [flat(0)], title="CartPole-v1")
  sources = [
    value
    for name, value in Elements(page).attributes
    if name in ("src", "srcset", "href", "xlink:href", "data")
  ]
  assert all(source.startswith("data:") for source in sources)
  assert not re.search(r"https?:|@import|url\(|{{|}}", page)


def test_500_frames_of_cartpole_take_less_than_400_kb(tmp_path):
  env = gym.make("CartPole-v1", render_mode="rgb_array")
  env.action_space.seed(0)
  path, seen, ended = tmp_path / "video.html", set(), True
  with animation.HtmlWriter(path, env.metadata["render_fps"]) as video:
    for _ in range(500):
      if ended:
        env.reset(seed=len(seen))
      else:
        _, _, *ends, _ = env.step(env.action_space.sample())
      ended = not ended and any(ends)
      frame = env.render()
      seen.add(frame.tobytes())
      video.append_data(frame)
  env.close()
  assert frame.shape == (400, 600, 3) and len(seen) > 300
  assert path.stat().st_size < 400_000
  last = video_of(path.read_text())["frames"][-1]
  np.testing.assert_array_equal(decode(last), frame)


# In a browser.

in_a_browser = pytest.mark.slow


class Page:
  """What a user sees of the page, and does with it."""

  def __init__(self, browser, path: pathlib.Path):
    self.browser = browser
    for log in ("browser", "performance"):
      browser.get_log(log)  # drops what earlier tests logged
    browser.get(path.as_uri())

  def find(self, name):
    return self.browser.find_element("id", name)

  def click(self, name):
    self.find(name).click()

  def press(self, *keys):
    ActionChains(self.browser).send_keys(*keys).perform()

  def counter_index(self) -> int:
    """The frame that the counter shows, from 0."""
    words = re.fullmatch(r"frame (\d+) of 12", self.find("counter").text)
    return int(words[1]) - 1

  def visible_index(self) -> int:
    """The frame whose color is visible, from 0."""
    shot = io.BytesIO(self.find("frame").screenshot_as_png)
    image = np.array(PIL.Image.open(shot).convert("RGB"))
    return COLORS.index(tuple(image[len(image) // 2, len(image[0]) // 2]))

  def is_playing(self) -> bool:
    label = self.find("play").get_attribute("aria-label")
    return {"Pause": True, "Play": False}[label]

  def wait(self, condition, seconds=20):
    WebDriverWait(self.browser, seconds, 0.02).until(lambda _: condition())

  def pause(self):
    if self.is_playing():
      self.click("play")
    return self.paused_index()

  def paused_index(self) -> int:
    """Checks that the video is paused; returns the index of its frame."""
    self.wait(lambda: self.visible_index() == self.counter_index())
    before = self.counter_index()
    time.sleep(0.3)  # longer than a frame, in case it still plays
    assert self.visible_index() == self.counter_index() == before
    assert int(self.find("slider").get_property("value")) == before
    assert not self.is_playing()
    return before


@pytest.fixture
def page(browser, tmp_path):
  write(tmp_path / "video.html", map(flat, COLORS), title="Colors <12>")
  return Page(browser, tmp_path / "video.html")


@in_a_browser
def test_it_starts_by_itself_and_plays_every_frame(page):
  assert page.is_playing()
  seen = set()
  page.wait(lambda: seen.add(page.visible_index()) or len(seen) >= 6)
  counted = set()
  page.wait(
    lambda: counted.add(page.counter_index()) or len(counted) == NUM_FRAMES
  )
  assert page.find("frame").get_property("width") == 60
  assert page.browser.title == "Colors <12>"
  assert page.browser.get_log("browser") == []  # no error


@in_a_browser
def test_pause_and_play(page):
  page.wait(lambda: page.counter_index() == 2)
  index = page.pause()
  assert index >= 2
  page.click("play")
  page.wait(lambda: page.counter_index() > index)
  assert page.is_playing()


@in_a_browser
def test_the_step_buttons(page):
  page.pause()
  page.click("first")
  assert page.paused_index() == 0
  for index in (1, 2, 3):
    page.click("step")
    assert page.paused_index() == index
  page.click("back")
  assert page.paused_index() == 2
  page.click("last")
  assert page.paused_index() == NUM_FRAMES - 1
  page.click("step")  # there is none
  assert page.paused_index() == NUM_FRAMES - 1
  page.click("play")  # from the beginning
  page.wait(lambda: page.counter_index() < 4)
  page.click("back")  # pauses
  page.paused_index()


@in_a_browser
def test_the_slider_seeks_and_pauses(page):
  slider = page.find("slider")
  travel = slider.size["width"] - 16  # the thumb is 16 pixels wide
  for index in (9, 2):
    offset = round((index / (NUM_FRAMES - 1) - 0.5) * travel)
    ActionChains(page.browser).move_to_element_with_offset(
      slider, offset, 0
    ).click().perform()
    assert page.paused_index() == index
  assert page.browser.switch_to.active_element == slider
  page.press(Keys.ARROW_RIGHT)  # one frame, not the slider's and the page's
  assert page.paused_index() == 3
  assert slider.get_attribute("aria-valuetext") == "frame 4 of 12"


@in_a_browser
def test_keys_play_and_step(page):
  page.press(" ")
  index = page.paused_index()
  page.press(" ")
  assert page.is_playing()
  page.wait(lambda: page.counter_index() != index)
  page.click("step")
  page.paused_index()
  page.press(" ")  # plays after a click too, and does not step once more
  assert page.is_playing()
  page.press(Keys.HOME)
  assert page.paused_index() == 0
  page.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
  assert page.paused_index() == 1
  page.press(Keys.END)
  assert page.paused_index() == NUM_FRAMES - 1


@in_a_browser
def test_a_focused_control_handles_its_own_keys(page):
  page.pause()
  page.click("first")
  page.browser.execute_script("document.getElementById('step').focus()")
  page.press(" ")
  assert page.paused_index() == 1
  page.browser.execute_script("document.getElementById('loop').focus()")
  page.press(" ")
  assert page.paused_index() == 1
  assert not page.find("loop").is_selected()


@in_a_browser
def test_at_the_end_it_loops_or_pauses(page):
  page.pause()
  assert page.find("loop").is_selected()
  page.press(Keys.END, Keys.ARROW_LEFT)
  page.click("play")
  page.wait(lambda: page.counter_index() < 4)
  assert page.is_playing()
  page.click("loop")
  page.wait(lambda: not page.is_playing())
  assert page.paused_index() == NUM_FRAMES - 1


@in_a_browser
@pytest.mark.parametrize("speed, seconds", [("4", 0.5), ("1", 2), ("0.5", 4)])
def test_the_speed_multiplies_the_frame_rate(browser, tmp_path, speed, seconds):
  write(tmp_path / "video.html", map(flat, COLORS), fps=4)
  page = Page(browser, tmp_path / "video.html")
  Select(page.find("speed")).select_by_value(speed)
  page.click("first")
  page.click("play")
  began = time.monotonic()
  page.wait(lambda: page.counter_index() >= 8)
  assert 0.8 * seconds < time.monotonic() - began < 1.9 * seconds


@in_a_browser
def test_repeated_frames_are_shown_in_order(browser, tmp_path):
  order = [0, 1, 1, 0, 2, 0, 1, 2, 2, 0, 1, 2]
  frames = [flat(COLORS[i]) for i in order]
  write(tmp_path / "video.html", frames)
  page = Page(browser, tmp_path / "video.html")
  page.press(Keys.HOME)
  for i, index in enumerate(order):
    page.wait(
      lambda i=i, index=index: (
        (page.counter_index(), page.visible_index()) == (i, index)
      )
    )
    page.press(Keys.ARROW_RIGHT)


@in_a_browser
def test_the_browser_requests_nothing(page, requested):
  page.wait(lambda: page.counter_index() == 5)
  first, *others = requested()
  assert first == page.browser.current_url
  assert all(url.startswith("data:") for url in others)
