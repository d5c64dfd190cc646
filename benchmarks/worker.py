"""A process that hosts the sides of one library, and runs one when asked.

Libraries disturb each other within a process: their thread pools, their
settings of XLA. So each has a process of its own, and all but one of them wait.

Requests come on standard input and answers go to what was standard output, each
a line of JSON. Whatever the libraries print goes to standard error. When
standard input ends, as it does when whoever asks is gone, the process ends too.

python -m benchmarks.worker
"""

import contextlib
import importlib
import json
import os
import queue
import sys
import threading
import time
import traceback

import gin

import agents_pipeline  # first: it chooses Keras 2

assert agents_pipeline.__version__


class Sides:
  """The sides of this process, by name."""

  def __init__(self):
    self._sides = {}

  def build(
    self, side: str, target: str, arguments: list, options: dict
  ) -> dict:
    """Builds a side and warms it up.

    Args:
      side: its name.
      target: 'module:Class'. What it makes has `run`: amount -> rate.
      arguments: of the class.
      options: those that are named.
    """
    start = time.perf_counter()
    module, _, name = target.partition(":")
    # TF-Agents registers classes with gin when it is imported.
    with gin.unlock_config():
      make = getattr(importlib.import_module(module), name)
    self._sides[side] = make(*arguments, **options)
    return {"seconds": time.perf_counter() - start}

  def run(self, side: str, amount: int) -> dict:
    """Runs a side.

    Args:
      side: that is built.
      amount: in its own unit.
    """
    start = time.perf_counter()
    rate = self._sides[side].run(amount)
    return {"rate": float(rate), "seconds": time.perf_counter() - start}


def _answer(sides: Sides, request: dict) -> dict:
  """Does what is asked; what goes wrong is an answer too."""
  call = {"build": sides.build, "run": sides.run}[request.pop("do")]
  try:
    return call(**request)
  except ModuleNotFoundError as error:
    traceback.print_exc()
    return {"problem": f"not installed: {error.name}"}
  except Exception as error:
    traceback.print_exc()
    told = next(iter(str(error).strip().splitlines()), "")
    return {"problem": f"{type(error).__name__}: {told}"}


def _listen(requests: queue.Queue) -> None:
  """Takes requests as they come, also while a side runs."""
  for line in sys.stdin:
    requests.put(json.loads(line))
  os._exit(0)


def main() -> None:
  """Answers until it is no longer asked."""
  answers = os.fdopen(os.dup(1), "w")
  os.dup2(2, 1)
  requests: queue.Queue = queue.Queue()
  threading.Thread(target=_listen, args=(requests,), daemon=True).start()
  sides = Sides()
  while True:
    answer = _answer(sides, requests.get())
    with contextlib.suppress(BrokenPipeError):
      print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
  main()
