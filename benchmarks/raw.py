"""The raw loop, what everything is measured against: decode, then `session.run` at batch 8; one process, no server.

`python benchmarks/raw.py ARTIFACT SECONDS` prints a JSON line.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
import payload

from anybind.proto import manifest
from anybind.proto.v1 import embedding_pb2 as pb
from anybind.server.decode import decode
from anybind.server.limits import Limits

BATCH = 8
REST_S = 0.01  # about as long as each part of a server rests between the pictures of a caller who waits for each answer


def main() -> None:
    folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
    encoder = next(one for one in manifest.read(folder).encoders if one.modality == "image")
    session = onnxruntime.InferenceSession(folder / encoder.file, providers=["CPUExecutionProvider"])
    items = [pb.Item(modality="image", data=data) for data in payload.photographs()]
    limits = Limits()
    decode_s, infer_s, done = [], [], -BATCH  # the first batch warms up
    began_s = 0.0
    while done < BATCH or time.perf_counter() - began_s < seconds:
        if done == 0:
            began_s = time.perf_counter()
            decode_s, infer_s = [], []
        started_s = time.perf_counter()
        rows = np.concatenate([decode(encoder, items[(done + i) % len(items)], limits).array for i in range(BATCH)])
        decoded_s = time.perf_counter()
        session.run(None, {encoder.input_name: rows})
        decode_s.append(decoded_s - started_s)
        infer_s.append(time.perf_counter() - decoded_s)
        done += BATCH
    rate = done / (time.perf_counter() - began_s)
    one, rested = (_one_at_a_time(encoder, session, items, limits, rest_s) for rest_s in (0.0, REST_S))
    print(
        json.dumps(
            {
                "items_per_s": rate,
                "decode_ms": 1e3 * float(np.median(decode_s)) / BATCH,
                "infer_ms": 1e3 * float(np.median(infer_s)) / BATCH,
                "one_ms": one,
                "one_rested_ms": rested,
            }
        )
    )


def _one_at_a_time(
    encoder: object, session: onnxruntime.InferenceSession, items: list[pb.Item], limits: Limits, rest_s: float
) -> float:
    """Median milliseconds to decode and infer one picture; before each the cores rest, and so do their caches."""
    times = []
    for number in range(60):
        time.sleep(rest_s)
        started_s = time.perf_counter()
        session.run(None, {encoder.input_name: decode(encoder, items[number % len(items)], limits).array})
        times.append(time.perf_counter() - started_s)
    return 1e3 * float(np.median(times))


if __name__ == "__main__":
    main()
