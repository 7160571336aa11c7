"""How good the segmentation is, and how much that depends on each of its numbers.

usage: sensitivity.py BENCH SCORE_PY real REAL_FOLDER        (the fields with hand-corrected truth)
       sensitivity.py BENCH SCORE_PY simulated PLATES        (folders of plates of `deepyeast simulate --fields`)
       sensitivity.py BENCH SCORE_PY rules REAL_FOLDER      (each number 20% lower and higher)

BENCH: the program segmentation_bench (native/test); SCORE_PY: the real fields' score.py. Needs numpy, scipy, tifffile.
"""
import csv
import glob
import importlib.util
import os
import subprocess
import sys
import tempfile

import numpy as np
import tifffile

RULES = {  # as native/segmentation/segmentation.h has them
    "smoothing": 0.045, "faintest": 12, "largest_hole": 0.4, "flood_share": 0.48, "peak_depth": 0.1, "seed_area": 0.02,
    "outline_share": 0.45, "neck_depth": 0.36, "solidity": 0.88, "solidity_per_depth": 0.2, "solidity_per_area": 0.02,
    "neck_solidity": 0.93, "largest_spot": 0.5, "least_body": 0.25, "body_solidity": 0.9, "largest_cell": 2.6,
    "smallest_cell": 0.08, "diameter_factor": 1,
}


def real_fields(folder):
    for path in sorted(glob.glob(os.path.join(folder, "*_truth.tiff"))):
        name = os.path.basename(path)[: -len("_truth.tiff")]
        cells = score.read_cells(os.path.join(folder, f"{name}_cells.csv"))
        yield name, tifffile.imread(os.path.join(folder, f"{name}-ch3sk1fk1fl1.tiff")), tifffile.imread(path), cells


def simulated_fields(plate):
    rows = list(csv.DictReader(open(os.path.join(plate, "truth.csv"), newline="")))
    for path in sorted(glob.glob(os.path.join(plate, "masks", "*.tiff"))):
        name = os.path.basename(path)[:12]
        well = "ABCDEFGHIJKLMNOP"[int(name[1:3]) - 1] + name[4:6]
        cells = {int(r["label"]): dict(border=int(r["border"]), bud_of=int(r["bud_of"]) if r["bud_of"] else None, flag=r["flag"])
                 for r in rows if r["well"] == well and int(r["field"]) == int(name[7:9])}
        image = os.path.join(plate, "Images", os.path.basename(path).replace("_mask", ""))
        yield name, tifffile.imread(image), tifffile.imread(path), cells


def segment(image, **rules):
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "field"), os.path.join(folder, "labels")
        image.astype("<f4").tofile(source)
        height, width = image.shape
        command = [BENCH, source, str(width), str(height), target, *[f"{k}={v}" for k, v in rules.items()]]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        return np.fromfile(target, "<u4").reshape(height, width).astype(np.int64), float(said[1])


def f1s(fields, **rules):
    """F1 at 0.5 and at 0.75 over all fields together, and the mean diameter."""
    half, high, diameters = np.zeros(3), np.zeros(3), []
    for _, image, truth, cells in fields:
        labels, diameter = segment(image, **rules)
        said = score.score(truth, cells, labels)
        half += said["tp"], said["fp"], said["fn"]
        high += said["tp_75"], said["fp_75"], said["fn_75"]
        diameters.append(diameter)
    f1 = lambda c: 2 * c[0] / (2 * c[0] + c[1] + c[2])
    return f1(half), f1(high), np.mean(diameters)


BENCH, score_path, what, *folders = sys.argv[1:]
spec = importlib.util.spec_from_file_location("score", score_path)
score = importlib.util.module_from_spec(spec)
spec.loader.exec_module(score)
if what == "real":
    for field in real_fields(folders[0]):
        print(f"| {field[0]} | %.3f | %.3f | %.1f |" % f1s([field]))
elif what == "simulated":
    for plate in sorted(glob.glob(os.path.join(folders[0], "*", ""))):
        print(f"| {os.path.basename(os.path.dirname(plate))} | %.3f | %.3f | %.1f |" % f1s(simulated_fields(plate)), flush=True)
else:
    real = list(real_fields(folders[0]))
    line = lambda **rules: "%.3f, %.3f" % f1s(real, **rules)[:2]
    print(f"| as they are | | {line()} | |", flush=True)
    for rule, value in RULES.items():
        low, high = line(**{rule: 0.8 * value}), line(**{rule: 1.2 * value})
        print(f"| {rule} | {value} | {low} | {high} |", flush=True)
