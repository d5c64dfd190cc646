"""A renderer that fails ends neither the run nor the process."""

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
from agents_pipeline.evaluation import renderer, video
from agents_pipeline.runs import console as console_lib
from agents_pipeline.runs import videos

HERE = pathlib.Path(__file__).parent
PAINTER = schema.EnvironmentConfig("painter:Painter-v0")
ALWAYS = lambda observations: np.ones(len(observations), np.int64)


@pytest.fixture
def painting(monkeypatch):
  """Registers the painter environment again, with arguments."""

  def register(**kwargs):
    spec = gym.envs.registration.EnvSpec(
      "Painter-v0", entry_point=painter.Painter, kwargs=kwargs
    )
    monkeypatch.setitem(gym.registry, "Painter-v0", spec)
    return PAINTER

  return register


def wait_until(condition, seconds=30):
  deadline = time.monotonic() + seconds
  while not condition():
    assert time.monotonic() < deadline
    time.sleep(0.02)


def session_of(pid):
  """Returns the names of the running processes of a session."""
  names = []
  for process in psutil.process_iter():
    try:
      if os.getsid(process.pid) == pid and process.status() != "zombie":
        names.append(process.name())
    except (OSError, psutil.Error):
      pass
  return names


@pytest.mark.parametrize(
  ("fault", "message"),
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
      "in a video, step 2 of its episode: its render() gave an image of "
      "16 x 18 pixels after one of 16 x 16; expected images of one size",
    ),
    # The process that renders has not imported TensorFlow.
    (
      "tensorflow",
      "in a video, step 2 of its episode: RuntimeError: loaded: []",
    ),
  ],
)
def test_a_renderer_that_fails_costs_only_the_video(
  painting, make_experiment, tmp_path, fault, message
):
  experiment = dataclasses.replace(
    make_experiment(), environment=painting(fault=fault)
  )
  printed = []
  videos.try_record(
    experiment,
    ALWAYS,
    tmp_path / "videos" / "trained.mp4",
    0,
    console_lib.Console(printed.append),
  )
  (line,) = printed
  assert line.startswith("no video trained.mp4: environment 'painter:Painter-")
  assert line.endswith(message)
  assert list((tmp_path / "videos").iterdir()) == []


def test_the_traceback_of_an_exception_is_kept(painting, tmp_path):
  with pytest.raises(errors.EnvironmentFailure) as caught:
    video.record_video(
      ALWAYS, painting(fault="raises"), tmp_path / "a.gif", 1, seed=0
    )
  assert 'raise RuntimeError("no paint")' in caught.value.trace


def test_a_renderer_that_hangs_times_out(painting, tmp_path, monkeypatch):
  monkeypatch.setattr(renderer, "_MIN_TIMEOUT_SECONDS", 0)
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

  start = time.monotonic()
  with pytest.raises(Stop):
    video.record_video(
      ALWAYS, painting(fault="slow"), tmp_path / "a.mp4", 1, 0, check=check
    )
  assert time.monotonic() - start < 30  # the timeout is 60 s
  assert list(tmp_path.iterdir()) == []


def test_completing_a_file_may_take_longer_than_a_step(
  painting, tmp_path, monkeypatch
):
  timeouts = []
  wait = renderer.Renderer._wait

  def wait_and_record(self):
    timeouts.append(self._timeout)
    wait(self)

  monkeypatch.setattr(renderer.Renderer, "_wait", wait_and_record)
  video.record_video(ALWAYS, painting(), tmp_path / "a.gif", 1, seed=0)
  # 5 observations, the message that 6 frames are being written, the result.
  assert len(timeouts) == 7
  assert timeouts[-1] == pytest.approx(timeouts[0] + 0.6)


def test_a_suspicious_video_is_kept_with_a_warning(painting, tmp_path):
  output = []
  record = lambda environment, name: video.record_video(
    ALWAYS, environment, tmp_path / name, 1, 0, False, output.append
  )
  assert record(painting(fault="black"), "black.mp4").returns == [5.0]
  assert len(imageio.mimread(tmp_path / "black.mp4", memtest=False)) == 6
  assert output == [
    "black.mp4 shows one color throughout (#000000): the renderer of "
    "'painter:Painter-v0' draws nothing here"
  ]
  output.clear()
  record(schema.EnvironmentConfig("painter:ZeroFps-v0"), "fast.mp4")
  assert output == [
    "fast.mp4: environment 'painter:ZeroFps-v0' declares render_fps = 0; "
    "played at 30"
  ]
  output.clear()
  # The renderer crashes after everything is written.
  assert record(painting(fault="close"), "close.mp4").lengths == [5]
  assert output == []
  assert len(imageio.mimread(tmp_path / "close.mp4", memtest=False)) == 6


def test_an_environment_of_a_script_or_a_notebook_is_recorded(
  monkeypatch, tmp_path
):
  """Its class is in no module that another process could import."""

  class LocalPainter(painter.Painter):
    """Renders in its own way."""

    def render(self):
      return np.full((8, 8), self.steps / 10)

  spec = gym.envs.registration.EnvSpec("Local-v0", entry_point=LocalPainter)
  monkeypatch.setitem(gym.registry, "Local-v0", spec)
  recorded = video.record_video(
    ALWAYS, schema.EnvironmentConfig("Local-v0"), tmp_path / "a.gif", 2, seed=0
  )
  assert recorded.lengths == [5, 5]
  unsendable = dataclasses.replace(spec, kwargs={"lock": threading.Lock()})
  monkeypatch.setitem(gym.registry, "Local-v0", unsendable)
  monkeypatch.setattr(making, "render_modes", lambda _: ["rgb_array"])
  with pytest.raises(errors.RunError, match="'Local-v0' cannot be sent to the"):
    video.record_video(
      ALWAYS,
      schema.EnvironmentConfig("Local-v0"),
      tmp_path / "b.gif",
      1,
      seed=0,
    )
  assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]


def test_the_process_ends_when_recording_is_stopped(painting, tmp_path):
  """Also ffmpeg, which is in another process group."""
  note = tmp_path / "note"
  processes = []

  def act_until_stopped(observed):
    if observed[0] == 2:
      pid = int(note.read_text().split()[0])
      wait_until(lambda: len(session_of(pid)) == 2)
      processes.extend([pid, *sorted(session_of(pid))])
      raise console_lib.StopRequested
    return ALWAYS(observed)

  with pytest.raises(console_lib.StopRequested):
    video.record_video(
      act_until_stopped, painting(note=str(note)), tmp_path / "a.mp4", 1, seed=0
    )
  pid, *names = processes
  assert any("ffmpeg" in name for name in names)
  wait_until(lambda: not session_of(pid), seconds=2)
  assert [path.name for path in tmp_path.iterdir()] == ["note"]


@pytest.mark.slow
def test_the_process_ends_with_its_parent(starting, tmp_path):
  output = tmp_path / "output"
  output.mkdir()
  flags = [
    "--random_policy", "--environment=painter:SlowPainter-v0",
    f"--output={tmp_path}/a.html",
  ]  # fmt: skip
  pid = starting.start_app("record_video", flags, HERE, output)
  wait_until((tmp_path / ".partial-a.html").exists)
  (recorder,) = psutil.Process(pid).children()
  os.kill(pid, signal.SIGINT)  # as Ctrl-C: not to the recorder's session
  assert os.getsid(recorder.pid) == recorder.pid
  assert starting.wait(pid) == 130
  wait_until(lambda: not session_of(recorder.pid), seconds=2)
  assert not (tmp_path / ".partial-a.html").exists()

  pid = starting.start_app("record_video", flags, HERE, output)
  wait_until((tmp_path / ".partial-a.html").exists)
  (recorder,) = psutil.Process(pid).children()
  os.kill(pid, signal.SIGKILL)
  assert starting.wait(pid) == -signal.SIGKILL
  wait_until(lambda: not session_of(recorder.pid), seconds=5)


def test_a_renderer_is_loaded_only_where_something_is_rendered(
  painting, monkeypatch, tmp_path
):
  """OSMesa crashes TensorFlow in a process that loads it in the usual way."""
  values = []

  class MujocoGl(painter.Painter):
    def __init__(self, render_mode=None):
      super().__init__(render_mode)
      values.append(os.environ.get("MUJOCO_GL"))

  def renderer_in(
    value, observation=None, make=making.make_evaluation_environment
  ):
    values.clear()
    monkeypatch.setenv("MUJOCO_GL", value)
    make(
      schema.EnvironmentConfig(
        "MujocoGl-v0", observation=observation or observations.OwnObservation()
      )
    ).close()
    assert os.environ["MUJOCO_GL"] == value
    return values[-1]

  spec = gym.envs.registration.EnvSpec("MujocoGl-v0", entry_point=MujocoGl)
  monkeypatch.setitem(gym.registry, "MujocoGl-v0", spec)
  monkeypatch.setattr(display, "_OSMESA", "libc.so.6")  # always exists
  assert renderer_in("osmesa") == renderer_in(" OSMesa") == "disabled"
  assert (
    renderer_in("osmesa", make=making.make_vector_environment) == "disabled"
  )
  assert renderer_in("egl") == "egl"
  assert renderer_in("glfw") == "glfw"
  images = observations.ImageObservation(height=None, width=None, num_frames=1)
  assert renderer_in("osmesa", images) == "osmesa"

  note = tmp_path / "note"
  video.record_video(
    ALWAYS, painting(note=str(note)), tmp_path / "a.html", 1, seed=0
  )
  assert note.read_text().split()[1:] == ["osmesa", "offscreen", "dummy"]


def test_a_missing_osmesa_is_named_where_images_are_observed(
  monkeypatch, painting
):
  monkeypatch.setenv("MUJOCO_GL", "osmesa")
  monkeypatch.setattr(display, "_OSMESA", "libnowhere.so.8")
  observed = dataclasses.replace(
    painting(nonsense=1), observation=observations.ImageObservation()
  )
  with pytest.raises(errors.UserError, match="OSMesa cannot be loaded .libno"):
    making.make_evaluation_environment(observed)
  # An environment that renders without it still works.
  observed = dataclasses.replace(observed, name="CartPole-v1")
  making.make_evaluation_environment(observed).close()
