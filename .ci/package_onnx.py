"""Writes an ONNX model into a folder, and beside it, in expected.json, what it should answer."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from models import save_onnx, train

folder = Path(sys.argv[1])
pipeline, features = train()
save_onnx(pipeline, features, folder)
labels = pipeline.predict(features.head(5)).tolist()
folder.with_name("expected.json").write_text(json.dumps(labels))
