"""checkOnnx.py FOLDER: every model of an export passes ONNX's checker, shapes inferred through all nodes."""

import glob
import os
import sys

import onnx

files = sorted(glob.glob(os.path.join(sys.argv[1], "onnx", "*.onnx")))
assert files, "no models"
for name in files:
    onnx.checker.check_model(name, full_check=True)
    print(f"{os.path.basename(name)}: {len(onnx.load(name, load_external_data=False).graph.node)} nodes")
