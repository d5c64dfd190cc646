import importlib.util

import pytest

from agents_pipeline import errors
from agents_pipeline.config import policy_formats


def test_only_onnx_needs_a_package_of_its_own(monkeypatch):
  monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
  for file_format in ("saved_model", "tflite"):
    policy_formats.check_installed(file_format)
  with pytest.raises(errors.UserError) as caught:
    policy_formats.check_installed("onnx")
  assert str(caught.value) == (
    "--format=onnx: tf2onnx is not installed; expected it, by `make serving` "
    "or `pip install tf2onnx`"
  )
  monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
  policy_formats.check_installed("onnx")
