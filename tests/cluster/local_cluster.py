"""A Ray cluster of several nodes on this machine, in a process of its own.

The head has no CPUs, so that all work is done on nodes that can be killed.
"""

import os
import secrets
import subprocess
import sys

import psutil


class Cluster:
  """Nodes of two CPUs each.

  Attributes:
    address: for --address.
    environ: environment variables of the processes that connect to it.
  """

  def __init__(self, folder, environ=os.environ, num_nodes=2):
    """Starts it, with its files in a folder of a short name.

    Args:
      folder: of its files.
      environ: environment variables to start from.
      num_nodes: how many there are at first.
    """
    (folder / "ray").mkdir()
    self.environ = environ | {
      "RAY_AUTH_MODE": "token",
      "RAY_AUTH_TOKEN": secrets.token_hex(32),
      "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # the loopback alone
      "RAY_USAGE_STATS_ENABLED": "0",
      "RAY_TMPDIR": str(folder),
    }
    self._process = subprocess.Popen(
      [sys.executable, __file__],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      text=True,
      env=self.environ,
    )
    self.address = self._answer()
    for _ in range(num_nodes):
      self.add_node()

  def add_node(self):
    """Adds a node."""
    self._ask("add")

  def kill_node(self):
    """Kills the oldest node, and all that runs on it."""
    self._ask("kill")

  def actors(self, name):
    """The processes of actors whose names begin so; fails if there are none."""
    found = [
      child
      for child in psutil.Process(self._process.pid).children(recursive=True)
      if child.name().startswith(name)
    ]
    assert found
    return found

  def close(self):
    """Ends it."""
    self._process.communicate(timeout=60)

  def _ask(self, what):
    print(what, file=self._process.stdin, flush=True)
    assert self._answer() == what

  def _answer(self):
    return self._process.stdout.readline().strip()


def _serve():
  from ray import cluster_utils

  memory = {"object_store_memory": 100 * 2**20}
  cluster = cluster_utils.Cluster(
    initialize_head=True,
    head_node_args={"num_cpus": 0, "include_dashboard": False} | memory,
  )
  print(cluster.address, flush=True)
  nodes = []
  for line in sys.stdin:
    if line == "add\n":
      nodes.append(cluster.add_node(num_cpus=2, **memory))
    else:
      cluster.remove_node(nodes.pop(0), allow_graceful=False)
    print(line, end="", flush=True)
  cluster.shutdown()


if __name__ == "__main__":
  _serve()
