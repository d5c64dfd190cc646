"""Whatever draws a video can end neither the run nor the process."""

import dataclasses
import os
import pathlib
import signal
import threading
import time

import gymnasium as gym
import imageio.v2 as imageio
import numpy as np
import painter
import psutil
import pytest

from agents_pipeline import errors
from agents_pipeline.config import observations, schema
from agents_pipeline.environments import display, making
from agents_pipeline.evaluation import evaluator, renderer, video
from agents_pipeline.runs import console as person_lib
from agents_pipeline.runs import videos

HERE = pathlib.Path(__file__).parent
PAINTER = schema.EnvironmentConfig("painter:Painter-v0")
ALWAYS = lambda observations: np.ones(len(observations), np.int64)


@pytest.fixture
def painting(monkeypatch):
  """Registers the painter again, with arguments."""

  def register(**kwargs):
    spec = gym.envs.registration.EnvSpec(
      "Painter-v0", entry_point=painter.Painter, kwargs=kwargs
    )
    monkeypatch.setitem(gym.registry, "Painter-v0", spec)
    return PAINTER

  return register


def until(condition, seconds=30):
  deadline = time.monotonic() + seconds
  while not condition():
    assert time.monotonic() < deadline
    time.sleep(0.02)


def session_of(pid):
  """The processes of a session that still run."""
  found = []
  for process in psutil.process_iter():
    try:
      if os.getsid(process.pid) == pid and process.status() != "zombie":
        found.append(process.name())
    except (OSError, psutil.Error):
      pass
  return found


@pytest.mark.parametrize(
  ("fault", "told"),
  [
    (
      "SIGABRT",
      "its renderer ended the process (SIGABRT): library: cannot open the "
      "display",
    ),
    (
      "SIGSEGV",
      "its renderer ended the process (SIGSEGV): library: cannot open the "
      "display",
    ),
    ("leaves", "its renderer ended the process (exit code 7)"),
    ("raises", "in a video, step 2 of its episode: RuntimeError: no paint"),
    (
      "larger",
      "in a video, step 2 of its episode: its render() gave a picture of "
      "16 x 18 pixels after one of 16 x 16; expected pictures of one size",
    ),
    # It draws in a process without TensorFlow, and without what needs it.
    (
      "tensorflow",
      "in a video, step 2 of its episode: RuntimeError: loaded: []",
    ),
  ],
)
def test_a_renderer_that_fails_costs_the_video_alone(
  painting, make_experiment, tmp_path, fault, told
):
  experiment = dataclasses.replace(
    make_experiment(), environment=painting(fault=fault)
  )
  heard = []
  videos.film(
    experiment,
    ALWAYS,
    tmp_path / "videos" / "trained.mp4",
    0,
    person_lib.Person(heard.append, lambda: False),
  )
  (line,) = heard
  assert line.startswith("no video trained.mp4: environment 'painter:Painter-")
  assert line.endswith(told)
  assert list((tmp_path / "videos").iterdir()) == []


def test_the_traceback_of_what_raises_is_kept(painting, tmp_path):
  with pytest.raises(errors.EnvironmentFailure) as caught:
    video.record_video(
      ALWAYS, painting(fault="raises"), tmp_path / "a.gif", 1, seed=0
    )
  assert 'raise RuntimeError("no paint")' in caught.value.trace


def test_a_renderer_that_hangs_is_given_up(painting, tmp_path, monkeypatch):
  monkeypatch.setattr(renderer, "_MIN_PATIENCE_SECONDS", 0)
  hangs = dataclasses.replace(painting(fault="slow"), step_timeout_seconds=4.0)
  with pytest.raises(errors.EnvironmentFailure, match="not answered for 4 s"):
    video.record_video(ALWAYS, hangs, tmp_path / "a.html", 1, seed=0)
  assert list(tmp_path.iterdir()) == []


def test_a_stop_does_not_wait_for_a_renderer_that_hangs(painting, tmp_path):
  class Stop(BaseException):
    pass

  calls = []

  def check():
    calls.append(None)
    if len(calls) == 3:
      raise Stop

  begun = time.monotonic()
  with pytest.raises(Stop):
    video.record_video(
      ALWAYS, painting(fault="slow"), tmp_path / "a.mp4", 1, 0, check=check
    )
  assert time.monotonic() - begun < 30  # it would be given up after 60 s
  assert list(tmp_path.iterdir()) == []


def test_completing_a_file_may_take_longer_than_a_step(
  painting, tmp_path, monkeypatch
):
  waited = []
  wait = renderer.Renderer._wait

  def remember(self):
    waited.append(self._patience)
    wait(self)

  monkeypatch.setattr(renderer.Renderer, "_wait", remember)
  video.record_video(ALWAYS, painting(), tmp_path / "a.gif", 1, seed=0)
  # 5 observations, the word that 6 frames are being written, the result.
  assert len(waited) == 7
  assert waited[-1] == pytest.approx(waited[0] + 0.6)


def test_what_looks_wrong_with_a_video_is_told_and_the_video_kept(
  painting, tmp_path
):
  heard = []
  record = lambda environment, name: video.record_video(
    ALWAYS, environment, tmp_path / name, 1, 0, False, heard.append
  )
  assert record(painting(fault="black"), "black.mp4").returns == [5.0]
  assert len(imageio.mimread(tmp_path / "black.mp4", memtest=False)) == 6
  assert heard == [
    "black.mp4 shows one color throughout (#000000): the renderer of "
    "'painter:Painter-v0' draws nothing here"
  ]
  heard.clear()
  record(schema.EnvironmentConfig("painter:Hurried-v0"), "fast.mp4")
  assert heard == [
    "fast.mp4: environment 'painter:Hurried-v0' declares render_fps = 0; "
    "played at 30"
  ]
  heard.clear()
  # Its renderer crashes when all is written.
  assert record(painting(fault="close"), "close.mp4").lengths == [5]
  assert heard == []
  assert len(imageio.mimread(tmp_path / "close.mp4", memtest=False)) == 6


def test_an_environment_of_a_script_or_a_notebook_is_recorded(
  monkeypatch, tmp_path
):
  """Its class lies in no module that another process could import."""

  class Mine(painter.Painter):
    """Draws in its own way."""

    def render(self):
      return np.full((8, 8), self.steps / 10)

  spec = gym.envs.registration.EnvSpec("Mine-v0", entry_point=Mine)
  monkeypatch.setitem(gym.registry, "Mine-v0", spec)
  seen = video.record_video(
    ALWAYS, schema.EnvironmentConfig("Mine-v0"), tmp_path / "a.gif", 2, seed=0
  )
  assert seen.lengths == [5, 5]
  unsendable = dataclasses.replace(spec, kwargs={"lock": threading.Lock()})
  monkeypatch.setitem(gym.registry, "Mine-v0", unsendable)
  monkeypatch.setattr(making, "render_modes", lambda _: ["rgb_array"])
  with pytest.raises(errors.RunError, match="'Mine-v0' cannot be sent to the"):
    video.record_video(
      ALWAYS, schema.EnvironmentConfig("Mine-v0"), tmp_path / "b.gif", 1, seed=0
    )
  assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]


def test_the_process_ends_with_what_it_draws_for(painting, tmp_path):
  """When the person stops, also ffmpeg, which has a group of its own."""
  note = tmp_path / "note"
  seen = []

  def stops(observed):
    if observed[0] == 2:
      pid = int(note.read_text().split()[0])
      until(lambda: len(session_of(pid)) == 2)
      seen.extend([pid, *sorted(session_of(pid))])
      raise person_lib.Stopped
    return ALWAYS(observed)

  with pytest.raises(person_lib.Stopped):
    video.record_video(
      stops, painting(note=str(note)), tmp_path / "a.mp4", 1, seed=0
    )
  pid, *names = seen
  assert any("ffmpeg" in name for name in names)
  until(lambda: not session_of(pid), seconds=2)
  assert [path.name for path in tmp_path.iterdir()] == ["note"]


@pytest.mark.slow
def test_the_process_ends_with_the_one_that_started_it(starting, tmp_path):
  told = tmp_path / "told"
  told.mkdir()
  flags = [
    "--random_policy", "--environment=painter:SlowPainter-v0",
    f"--output={tmp_path}/a.html",
  ]  # fmt: skip
  pid = starting.start_app("record_video", flags, HERE, told)
  until((tmp_path / ".partial-a.html").exists)
  (drawing,) = psutil.Process(pid).children()
  os.kill(pid, signal.SIGINT)  # of a terminal: it has a session of its own
  assert os.getsid(drawing.pid) == drawing.pid
  assert starting.wait(pid) == 130
  until(lambda: not session_of(drawing.pid), seconds=2)
  assert not (tmp_path / ".partial-a.html").exists()

  pid = starting.start_app("record_video", flags, HERE, told)
  until((tmp_path / ".partial-a.html").exists)
  (drawing,) = psutil.Process(pid).children()
  os.kill(pid, signal.SIGKILL)
  assert starting.wait(pid) == -signal.SIGKILL
  until(lambda: not session_of(drawing.pid), seconds=5)


def test_a_renderer_is_loaded_only_where_something_is_drawn(
  painting, monkeypatch, tmp_path
):
  """OSMesa crashes TensorFlow in a process that loads it in the usual way."""
  seen = []

  class Looks(painter.Painter):
    def __init__(self, render_mode=None):
      super().__init__(render_mode)
      seen.append(os.environ.get("MUJOCO_GL"))

  def found(value, observation=None, make=making.make_evaluation_environment):
    seen.clear()
    monkeypatch.setenv("MUJOCO_GL", value)
    make(
      schema.EnvironmentConfig(
        "Looks-v0", observation=observation or observations.OwnObservation()
      )
    ).close()
    assert os.environ["MUJOCO_GL"] == value
    return seen[-1]

  spec = gym.envs.registration.EnvSpec("Looks-v0", entry_point=Looks)
  monkeypatch.setitem(gym.registry, "Looks-v0", spec)
  monkeypatch.setattr(display, "_OSMESA", "libc.so.6")  # is everywhere
  assert found("osmesa") == found(" OSMesa") == "disabled"
  assert found("osmesa", make=making.make_vector_environment) == "disabled"
  assert found("egl") == "egl"
  assert found("glfw") == "glfw"
  pictures = observations.ImageObservation(
    height=None, width=None, num_frames=1
  )
  assert found("osmesa", pictures) == "osmesa"

  note = tmp_path / "note"
  video.record_video(
    ALWAYS, painting(note=str(note)), tmp_path / "a.html", 1, seed=0
  )
  assert note.read_text().split()[1:] == ["osmesa", "offscreen", "dummy"]


def test_a_missing_osmesa_is_named_where_pictures_are_observed(
  monkeypatch, painting
):
  monkeypatch.setenv("MUJOCO_GL", "osmesa")
  monkeypatch.setattr(display, "_OSMESA", "libnowhere.so.8")
  observed = dataclasses.replace(
    painting(nonsense=1), observation=observations.ImageObservation()
  )
  with pytest.raises(errors.UserError, match="OSMesa cannot be loaded .libno"):
    making.make_evaluation_environment(observed)
  # Environments that draw without it do not miss it.
  observed = dataclasses.replace(observed, name="CartPole-v1")
  making.make_evaluation_environment(observed).close()
  assert evaluator.MAX_ENV_STEPS == 27_000
