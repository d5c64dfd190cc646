"""What every test needs: Keras 2, quiet, and the three ways to run a graph."""

import contextlib
import functools
import os

import agents_pipeline  # first: it chooses Keras 2

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


import gin
import psutil
import pytest
import small_runs
import starter
import tensorflow as tf
from xdist import scheduler

from agents_pipeline.agents import building
from agents_pipeline.config import gin_files

assert agents_pipeline.__version__
tf.get_logger().setLevel("ERROR")

_WAYS = {
  "eager": lambda function: function,
  "graph": lambda function: tf.function(function, autograph=False),
  "xla": lambda function: tf.function(
    function, jit_compile=True, autograph=False
  ),
}


class FilesAtATime(scheduler.LoadFileScheduling):
  """Gives each process a file at a time, but one of them all tests with Ray.

  These mostly wait. Two at once would leave the other core idle.
  """

  def _split_scope(self, nodeid):
    file = super()._split_scope(nodeid)
    return "tests/cluster" if file.startswith("tests/cluster/") else file


def pytest_xdist_make_scheduler(config, log):
  """Whatever --dist says."""
  return FilesAtATime(config, log)


def pytest_collection_modifyitems(items):
  """Leaves out the tests that need a GPU where there is none."""
  marked = [item for item in items if item.get_closest_marker("gpu")]
  if marked and not tf.config.list_physical_devices("GPU"):
    for item in marked:
      item.add_marker(pytest.mark.skip(reason="no GPU"))


@pytest.fixture(autouse=True)
def no_bindings():
  """Another test's bindings would be the defaults of this one's dataclasses.

  Cleared afterwards too: a module's fixtures are made before this one.
  """
  gin.clear_config()
  yield
  gin.clear_config()


@pytest.fixture(autouse=True)
def nothing_runs_on(request):
  """A run that a failed test leaves would take a core from all others."""
  yield
  if "starting" in request.fixturenames:
    request.getfixturevalue("starting").kill_all()
  if request.node.get_closest_marker("slow"):
    for process in psutil.Process().children(recursive=True):
      with contextlib.suppress(psutil.NoSuchProcess):
        if any("agents_pipeline.apps" in word for word in process.cmdline()):
          process.kill()


@pytest.fixture(params=list(_WAYS))
def compiled(request):
  """Runs a function of tensors eagerly, in a graph, or under XLA."""
  return _WAYS[request.param]


@pytest.fixture(scope="session")
def all_ways():
  """The three ways, by name."""
  return _WAYS


@pytest.fixture
def iterations_as_graphs(monkeypatch):
  """In this process, they are not compiled with XLA: that takes seconds."""
  graphs = functools.partial(building.build, jit=False)
  monkeypatch.setattr(building, "build", graphs)


@pytest.fixture(scope="session")
def starting():
  """Starts processes, which share what they import and compile."""
  started = starter.Starter()
  yield started
  started.close()


def _experiment_maker(tmp_path_factory, agent):
  # In a file: bindings may then replace a choice that it makes.
  file = tmp_path_factory.mktemp("experiment") / f"small_{agent}.gin"
  file.write_text("\n".join(small_runs.bindings(agent)))
  return lambda *bindings: gin_files.load_experiment([file], bindings)


@pytest.fixture
def make_experiment_of(tmp_path_factory):
  """Agent -> what makes a small experiment of it on CartPole-v1.

  Bindings change it; those of DQN and its family say `DqnConfig`.
  """

  def maker_of(agent):
    make = _experiment_maker(tmp_path_factory, agent)
    config, _ = small_runs.FAMILY.get(agent, ("DqnConfig", ()))
    return lambda *bindings: make(
      *(binding.replace("DqnConfig", config) for binding in bindings)
    )

  return maker_of


@pytest.fixture
def make_experiment(make_experiment_of):
  """Makes a small experiment of DQN on CartPole-v1; bindings change it."""
  return make_experiment_of("dqn")


@pytest.fixture(params=small_runs.agents("dqn", "rainbow"))
def make_simple_and_combined(request, make_experiment_of):
  """Likewise, for what does not depend on the loss: the least and the most."""
  return make_experiment_of(request.param)


@pytest.fixture
def make_a2c_experiment(make_experiment_of):
  """Makes a small experiment of A2C on CartPole-v1; bindings change it."""
  return make_experiment_of("a2c")
