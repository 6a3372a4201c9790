"""Times Pillow and transformers' processor with Pillow on what BenchmarkVision does, on one thread.

    python3 rival_vision.py [picture.jpg]

Without a picture it draws one of 12 megapixels. To time both on the same file:

    TRANSFORMER_PICTURE=picture.jpg go test ./benchmarks -run '^$' -bench Vision -cpu 1,2
"""

import io
import sys
import time

import numpy as np
import transformers
from PIL import Image


def drawn():
    y, x = np.mgrid[0:3000, 0:4000]
    grain = (x * 7919 + y * 104729 & 255) >> 5
    a = np.stack([(x // 16 + y // 31) + grain, (x * y >> 14) + grain, y // 12 + grain], -1).astype(np.uint8)
    f = io.BytesIO()
    Image.fromarray(a).save(f, "JPEG", quality=90, subsampling=2)
    return f.getvalue()


def report(name, work):
    times = []
    for _ in range(7):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    print(f"{name:10} median {1000 * sorted(times)[3]:8.1f} ms, best {1000 * min(times):8.1f} ms", flush=True)


def main():
    data = open(sys.argv[1], "rb").read() if len(sys.argv) > 1 else drawn()
    image = Image.open(io.BytesIO(data)).convert("RGB")
    image.load()
    processor = transformers.CLIPImageProcessorPil()
    report("decode", lambda: Image.open(io.BytesIO(data)).load())
    report("resize", lambda: image.resize((299, 224), Image.Resampling.BICUBIC))
    report("process", lambda: processor(image, return_tensors="np"))


main()
