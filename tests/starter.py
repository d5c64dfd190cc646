"""Starts processes of the package without importing TensorFlow in each.

A server process imports it once, and forks for every request. A request is a
line of JSON on its stdin, the answer a line on its stdout.
"""

import contextlib
import ctypes
import functools
import gc
import json
import os
import pathlib
import pickle
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

_ROOT = str(pathlib.Path(__file__).parents[1])
_PR_SET_PDEATHSIG = 1
_SECONDS_TO_END = 300.0
# `replaced` of `Starter.start_app`: the videos at a run's end take half of it.
NO_VIDEOS = ("agents_pipeline.runs.videos:try_record",)
# Tracing is half of a small run, compiling the other half.
_XLA = "EVERY_AGENT" in os.environ  # where a test does not say


class Starter:
  """Starts processes, for tests: the client of this module's server.

  Attributes:
    environ: environment variables for processes that tests start themselves:
      the same compiler flags, and the same cache of compiled programs.
  """

  def __init__(self):
    # Processes compile the same few programs again and again. Entries appear
    # completely or not at all, and record the program that they were made of.
    # They do not record the compiler's flags: so one folder for each server,
    # whose processes all have these.
    self._compiled = tempfile.TemporaryDirectory(prefix="compiled-")
    self.environ = os.environ | {
      # The package beside these tests, whichever is installed.
      "PYTHONPATH": os.pathsep.join(
        filter(None, [_ROOT, os.environ.get("PYTHONPATH")])
      ),
      # Compiling takes longest. The second flag is the package's own choice
      # for networks as small as these.
      "XLA_FLAGS": "--xla_backend_optimization_level=0 "
      "--xla_cpu_multi_thread_eigen=false",
      "TF_XLA_FLAGS": "--tf_xla_persistent_cache_directory="
      + self._compiled.name,
      "TF_CPP_MIN_LOG_LEVEL": "3",  # a line for each program that is loaded
    }
    self._process = subprocess.Popen(
      [sys.executable, __file__],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      stderr=subprocess.DEVNULL,
      text=True,
      env=self.environ,
    )
    self._lock = threading.Lock()
    self._started = set()  # and not waited for

  def start(self, bindings, root, xla=_XLA):
    """Starts a run without its end; returns its process id.

    Args:
      bindings: its configuration.
      root: of the run folder.
      xla: whether iterations are compiled; they are graphs otherwise.
    """
    return self._ask({"run": [list(bindings), str(root), xla]})

  def train(self, experiment, root, xla=_XLA, **fields):
    """`small_runs.train` in a process of its own, to its end.

    It draws no learning curve: that takes a tenth of the time.

    Args:
      experiment: the configuration.
      root: of the run folder.
      xla: see `start`.
      **fields: of `small_runs.train`, as far as they can be pickled.

    Returns:
      The outcome.

    Raises:
      Exception: what training raised.
    """
    with tempfile.TemporaryDirectory() as folder:
      call, answer = (pathlib.Path(folder, n) for n in ("call", "answer"))
      call.write_bytes(pickle.dumps((experiment, root, fields)))
      asked = [str(call), str(answer), sys.path, xla]
      code = self.wait(self._ask({"call": asked}))
      assert code == 0, code
      outcome, raised = pickle.loads(answer.read_bytes())
    if raised is not None:
      raise raised
    return outcome

  def run_app(self, app, flags, folder, **fields):
    """Runs a binary to its end: exit code, stdout and stderr.

    Args:
      app: its name.
      flags: of it.
      folder: it runs in.
      **fields: see `start_app`.
    """
    with tempfile.TemporaryDirectory() as output:
      code = self.wait(self.start_app(app, flags, folder, output, **fields))
      read = lambda name: pathlib.Path(output, name).read_text()
      return code, read("out"), read("err")

  def start_app(self, app, flags, folder, output, replaced=(), limits=None):
    """Starts a binary; returns its process id, which is its group's as well.

    Args:
      app: its name.
      flags: of it.
      folder: it runs in.
      output: folder for its stdout and stderr, "out" and "err".
      replaced: names such as "module:function" that do nothing.
      limits: name in the module `resource` -> the soft limit.
    """
    return self._ask(
      {
        "app": {
          "app": app,
          "flags": list(flags),
          "folder": str(folder),
          "output": str(output),
          "replaced": list(replaced),
          "limits": limits or {},
        }
      }
    )

  def wait(self, pid):
    """Waits for its end; returns its exit code, negative for a signal.

    Raises:
      AssertionError: it did not end in time, and was killed.
    """
    deadline = time.monotonic() + _SECONDS_TO_END
    while not has_ended(pid):
      if time.monotonic() > deadline:
        os.kill(pid, signal.SIGKILL)
        raise AssertionError(f"process {pid} did not end")
      time.sleep(0.01)
    code = self._ask({"wait": pid})
    self._started.discard(pid)
    return code

  def kill_all(self):
    """Kills what was started and not waited for."""
    for pid in list(self._started):
      os.kill(pid, signal.SIGKILL)
      self.wait(pid)

  def close(self):
    self._process.stdin.close()
    self._process.wait()
    self._compiled.cleanup()

  def _ask(self, what):
    with self._lock:
      print(json.dumps(what), file=self._process.stdin, flush=True)
      answer = json.loads(self._process.stdout.readline())
    if "wait" not in what:
      self._started.add(answer)
    return answer


@contextlib.contextmanager
def stopped(pid):
  """Holds a process still: what the disk holds now, SIGKILL would leave."""
  os.kill(pid, signal.SIGSTOP)
  while _state(pid) not in "TZ":
    time.sleep(0.001)
  try:
    yield
  finally:
    os.kill(pid, signal.SIGCONT)


def _state(pid):
  """A letter: T is stopped, Z has ended."""
  with open(f"/proc/{pid}/stat") as file:
    return file.read().rsplit(") ", 1)[1][0]


def has_ended(pid):
  return _state(pid) == "Z"


def _run(bindings, root, xla):
  import small_runs

  from agents_pipeline.config import gin_files

  _choose_compiler(xla)
  small_runs.train(gin_files.load_experiment([], bindings), root)


def _call(call, answer, path, xla):
  import small_runs

  from agents_pipeline.runs.sinks import learning_curve

  sys.path[:] = path
  learning_curve.LearningCurve.draw = lambda self: None
  _choose_compiler(xla)
  experiment, root, fields = pickle.loads(pathlib.Path(call).read_bytes())
  outcome = raised = None
  try:
    outcome = small_runs.train(experiment, root, **fields)
  except Exception as error:
    raised = error
  pathlib.Path(answer).write_bytes(pickle.dumps((outcome, raised)))


def _choose_compiler(xla):
  import tensorflow as tf

  from agents_pipeline.agents import building

  if not xla:
    building.build = functools.partial(building.build, jit=False)
    # Graphs that run for a second are not worth rewriting.
    tf.config.optimizer.set_experimental_options(
      {"disable_meta_optimizer": True}
    )


def _app(app, flags, folder, output, replaced, limits):
  import importlib
  import runpy

  os.setsid()
  for number, name in ((1, "out"), (2, "err")):
    descriptor = os.open(f"{output}/{name}", os.O_WRONLY | os.O_CREAT)
    os.dup2(descriptor, number)
  os.chdir(folder)
  sys.path.insert(0, folder)  # as `python -m` does
  for name in replaced:
    module, function = name.split(":")
    setattr(importlib.import_module(module), function, lambda *a, **k: True)
  if limits:
    # They are the binary's: it may not write the programs of all processes.
    del os.environ["TF_XLA_FLAGS"]
  for name, limit in limits.items():
    kind = getattr(resource, name)
    resource.setrlimit(kind, (limit, resource.getrlimit(kind)[1]))
  sys.argv = [app, *flags]
  try:
    runpy.run_module(f"agents_pipeline.apps.{app}", run_name="__main__")
  except SystemExit as leaving:
    return leaving.code
  finally:
    sys.stdout.flush()
    sys.stderr.flush()


def _end_with_parent():
  with contextlib.suppress(AttributeError, OSError):  # on Linux alone
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _serve():
  _end_with_parent()
  # Also what a run imports when it needs it.
  import small_runs  # noqa: F401

  import agents_pipeline.agents.a2c.pipeline
  import agents_pipeline.agents.c51.pipeline
  import agents_pipeline.agents.dqn.pipeline
  import agents_pipeline.agents.qr_dqn.pipeline
  import agents_pipeline.runs.training_run  # noqa: F401
  from agents_pipeline.runs.sinks import learning_curve
  from agents_pipeline.training import compiler_flags

  with tempfile.TemporaryDirectory() as folder:
    picture = pathlib.Path(folder, "picture.png")
    learning_curve.LearningCurve("", picture).draw()

  compiler_flags.check = lambda: None  # those of `Starter` are known
  gc.disable()  # runs are short, and a collection walks all of TensorFlow
  # TensorFlow is imported, but has not started any thread yet.
  for line in sys.stdin:
    asked = json.loads(line)
    if "wait" in asked:
      _, status = os.waitpid(asked["wait"], 0)
      answer = os.waitstatus_to_exitcode(status)
    else:
      answer = os.fork()
      if not answer:
        _end_with_parent()
        code = 1
        try:
          if "run" in asked:
            code = _run(*asked["run"])
          if "call" in asked:
            code = _call(*asked["call"])
          if "app" in asked:
            code = _app(**asked["app"])
        except Exception:
          traceback.print_exc()
        finally:
          os._exit(code or 0)
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
  _serve()
