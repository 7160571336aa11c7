"""scikit-learn's RandomForestClassifier on the lines of contestants/protocol.js: one fit a request."""

import json
import resource
import sys
import time

import numpy as np
import sklearn
from sklearn.ensemble import RandomForestClassifier

print(json.dumps({"name": "scikit-learn", "version": sklearn.__version__}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    rows, columns = request["rows"], request["columns"]
    values = np.fromfile(request["values"], np.float32).reshape(-1, columns)
    labels = np.fromfile(request["labels"], np.int32)
    forest = RandomForestClassifier(
        request["trees"],
        max_features=request["featuresPerSplit"],
        min_samples_leaf=request["leafSize"],
        n_jobs=request["threads"],
        random_state=request["seed"],
    )
    start = time.perf_counter()
    forest.fit(values[:rows], labels[:rows])
    seconds = time.perf_counter() - start
    accuracy = float((forest.predict(values[rows:]) == labels[rows:]).mean())
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "accuracy": accuracy, "megabytes": megabytes}), flush=True)
