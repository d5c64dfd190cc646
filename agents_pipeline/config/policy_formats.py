"""The formats that a policy can be exported in, and the package that one needs.

It imports no TensorFlow: flags are checked before that is there.
"""

import importlib.util

from agents_pipeline import errors

SAVED_MODEL, TFLITE, ONNX = FORMATS = ("saved_model", "tflite", "onnx")


def check_installed(file_format: str) -> None:
  """Refuses a format whose converter is not installed.

  Args:
    file_format: the format, one of `FORMATS`.

  Raises:
    UserError: the converter is not installed; the message names its package.
  """
  if file_format == ONNX and importlib.util.find_spec("tf2onnx") is None:
    raise errors.UserError(
      f"--format={ONNX}: tf2onnx is not installed; expected it, by `make "
      "serving` or `pip install tf2onnx`"
    )
