"""A policy as files of other runtimes: TensorFlow Lite and ONNX."""

import contextlib
import logging
import os
import pathlib
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.config import policy_formats
from agents_pipeline.evaluation import policy_description, served_policy
from agents_pipeline.files import atomic

# ONNX Runtime supports it since 1.14 (2023), and tf2onnx supports none above.
_OPSET = 18


def save(
  policy: served_policy.ServedPolicy,
  directory: pathlib.Path,
  about: dict,
  file_format: str,
) -> None:
  """Writes a policy in a format, with its policy.json and README.md.

  A SavedModel is written by `ServedPolicy.save`. The other formats are a folder
  with policy.tflite, which has every signature, or with policy.onnx and, where
  actions are masked, policy_masked.onnx as well.

  Args:
    policy: the policy to write.
    directory: the folder, which appears completely or not at all.
    about: the metadata of the policy; see `ServedPolicy.save`.
    file_format: the format, one of `policy_formats.FORMATS`.

  Raises:
    UserError: the format has no operation for something in the policy.
    RunError: the folder cannot be written.
  """
  if file_format == policy_formats.SAVED_MODEL:
    policy.save(directory, about)
    return
  files = _CONVERTERS[file_format](policy)
  with atomic.folder(directory) as temporary:
    for name, content in files.items():
      (temporary / name).write_bytes(content)
    policy_description.write(temporary, about | policy.describe(file_format))


def _to_tflite(policy: served_policy.ServedPolicy) -> dict[str, bytes]:
  # The converter takes an object with an attribute `serve` for a Keras model,
  # and converts nothing else of it. So the policy is an attribute of a module.
  module = tf.Module()
  module.policy = policy
  with tempfile.TemporaryDirectory(prefix="policy-") as folder:
    saved = pathlib.Path(folder) / "policy"
    with atomic.folder(saved) as temporary:
      tf.saved_model.save(module, str(temporary), signatures=policy.signatures)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
    try:
      with _without_native_stderr():
        return {"policy.tflite": converter.convert()}
    except Exception as error:  # TensorFlow does not export their class
      raise _refusal(policy_formats.TFLITE, error) from None


@contextlib.contextmanager
def _without_native_stderr() -> Iterator[None]:
  """Drops what is written to file descriptor 2.

  MLIR prints there at length what the exception says anyway, whatever the level
  of TensorFlow's log.
  """
  sys.stderr.flush()
  stderr = os.dup(2)
  try:
    with open(os.devnull, "w") as nowhere:
      os.dup2(nowhere.fileno(), 2)
    yield
  finally:
    sys.stderr.flush()
    os.dup2(stderr, 2)
    os.close(stderr)


def _to_onnx(policy: served_policy.ServedPolicy) -> dict[str, bytes]:
  files = {"policy.onnx": policy.serve}
  if policy.serve_masked is not None:
    files["policy_masked.onnx"] = policy.serve_masked
  return {name: _onnx_model(function) for name, function in files.items()}


def _onnx_model(function: Any) -> bytes:
  """Converts a `tf.function`; inputs and outputs keep their names."""
  import onnx
  import tf2onnx

  logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
  structure = function.input_signature
  leaves = tf.nest.flatten(structure)  # nested ones would be renamed
  flat = tf.function(
    lambda *tensors: function(*tf.nest.pack_sequence_as(structure, tensors)),
    input_signature=leaves,
    autograph=False,
  )
  try:
    model, _ = tf2onnx.convert.from_function(
      flat,
      leaves,
      opset=_OPSET,
      custom_op_handlers={"Erfc": (_one_minus_erf, [])},
    )
    # tf2onnx leaves operations that it does not know as they are.
    onnx.checker.check_model(model, full_check=True)
  except Exception as error:  # each of its operations raises what it likes
    raise _refusal(policy_formats.ONNX, error) from None
  for tensor in (*model.graph.input, *model.graph.output):
    tensor.type.tensor_type.shape.dim[0].dim_param = "batch"
  return model.SerializeToString()


def _one_minus_erf(graph: Any, node: Any, name: str, args: list) -> None:
  """Replaces tf.math.erfc, of which GELU is made: ONNX has only erf."""
  from onnx import helper

  kind = graph.get_dtype(node.output[0])
  one = np.array(1, helper.tensor_dtype_to_np_dtype(kind))
  inputs = [
    graph.make_const(f"{name}_one", one).output[0],
    graph.make_node("Erf", node.input).output[0],
  ]
  shapes = [graph.get_shape(node.output[0])]
  graph.remove_node(name)
  graph.make_node(
    "Sub", inputs, name=name, outputs=node.output, shapes=shapes, dtypes=[kind]
  )


def _refusal(file_format: str, error: Exception) -> errors.UserError:
  """The error that says what a converter could not do, on one line."""
  text = str(error).strip()
  operation = re.search(r"tf\.\w+\(tensor[^)]*\) -> \([^)]*\)", text)
  reason = operation.group() if operation else text.split("\n")[0]
  return errors.UserError(
    f"--format={file_format}: this policy cannot be converted ({reason}); "
    "expected another format"
  )


_CONVERTERS: dict[
  str, Callable[[served_policy.ServedPolicy], dict[str, bytes]]
] = {policy_formats.TFLITE: _to_tflite, policy_formats.ONNX: _to_onnx}
