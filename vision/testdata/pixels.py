"""Writes pixels.json.gz: what transformers' and OpenCLIP's processors make of pictures.

    python3 -m venv env && env/bin/pip install -r ../../model/testdata/golden/requirements.txt pillow==13.0.0 torchvision==0.29.2 open_clip_torch==3.3.0
    env/bin/python pixels.py

The processors of transformers are those with Pillow, backend="pil"; those of torchvision are asked for by name.
"""

import base64
import gzip
import hashlib
import importlib.util
import io
import json
import pathlib
import sys
import types
import warnings

import numpy as np
import torch
import transformers
from PIL import Image, ImageOps

import pictures

HERE = pathlib.Path(__file__).parent
warnings.simplefilter("ignore")

CLIP = {"image_processor_type": "CLIPImageProcessor"}
VIT = {"image_processor_type": "ViTImageProcessor", "do_convert_rgb": True}
CONFIGS = [
    {"feature_extractor_type": "CLIPFeatureExtractor", "do_center_crop": True, "crop_size": 24, "size": 24, "resample": 3, "do_resize": True, "do_normalize": True,
     "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]},
    {**CLIP, "size": {"shortest_edge": 32}, "crop_size": {"height": 30, "width": 21}, "resample": 1},
    {"image_processor_type": "ViTImageProcessor", "size": {"height": 24, "width": 31}, "resample": 2},
    {"image_processor_type": "DeiTImageProcessor", "size": 40, "crop_size": 33, "do_convert_rgb": True, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]},
    {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 36}, "crop_size": {"height": 28, "width": 28}, "rescale_factor": 0.00392156862745098,
     "do_convert_rgb": True, "do_rescale": True, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "resample": 3},
    {"image_processor_type": "SiglipImageProcessor", "size": {"height": 26, "width": 26}, "resample": 3, "image_mean": 0.5, "image_std": 0.5},
    {"image_processor_type": "BlipImageProcessorFast", "size": [20, 33]},
    {"image_processor_type": "ConvNextImageProcessor", "size": 24, "crop_pct": 0.875, "do_convert_rgb": True, "resample": 3},
    {**VIT, "size": 37, "resample": 4},
    {**VIT, "size": 29, "resample": 5},
    {**VIT, "size": 41, "resample": 0},
    {**CLIP, "do_resize": False, "crop_size": {"height": 40, "width": 51}},
    {**CLIP, "size": {"height": 20, "width": 25}, "do_center_crop": False, "do_pad": True, "pad_size": {"height": 27, "width": 30}, "do_rescale": False},
    {"preprocess_cfg": {"mean": [0.5, 0.4, 0.3], "std": [0.5, 0.6, 0.7], "size": 24}, "model_cfg": {}},
    {"preprocess_cfg": {"interpolation": "bilinear", "resize_mode": "squash", "size": 99}, "model_cfg": {"vision_cfg": {"image_size": [22, 27]}}},
    {"preprocess_cfg": {"resize_mode": "longest", "fill_color": 90}, "model_cfg": {"vision_cfg": {"image_size": 28}}},
    {"preprocess_cfg": {"resize_mode": "shortest", "interpolation": "bilinear"}, "model_cfg": {"vision_cfg": {"image_size": [31, 20]}}},
]
TORCHVISION = [CONFIGS[0], CONFIGS[3], {**CLIP, "size": {"shortest_edge": 25}, "crop_size": {"height": 24, "width": 40}, "resample": 2}]


def open_clip():
    """open_clip's transforms, without its models."""
    root = pathlib.Path(importlib.util.find_spec("open_clip").origin).parent
    package = types.ModuleType("open_clip")
    package.__path__ = [str(root)]
    sys.modules["open_clip"] = package
    return importlib.import_module("open_clip.transform")


def transformers_processor(config, backend, **changes):
    config = {**config, **changes}
    name = config.pop("image_processor_type", None) or config.pop("feature_extractor_type").replace("FeatureExtractor", "ImageProcessor")
    name = name.removesuffix("Fast") + ("Pil" if backend == "pil" else "")
    return getattr(transformers, name)(**config)


def transformers_pixels(config, image, raw, backend="pil"):
    processor = transformers_processor(config, backend, **({"do_rescale": False, "do_normalize": False} if raw else {}))
    return np.asarray(processor(image, return_tensors="np")["pixel_values"][0])


def open_clip_pixels(transform, config, image, raw):
    cfg = dict(config["preprocess_cfg"])
    cfg["size"] = config["model_cfg"].get("vision_cfg", {}).get("image_size", cfg.get("size", 224))
    if isinstance(cfg["size"], int):
        cfg["size"] = (cfg["size"], cfg["size"])  # as a tower gives it
    t = transform.image_transform_v2(transform.PreprocessCfg(**cfg), is_train=False)
    if raw:
        t.transforms = t.transforms[:-2]
        return np.moveaxis(np.asarray(t(image)), -1, 0)
    return t(image).numpy()


def digest(pixels):
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()[:24]


def places(n):
    return [n // 7, n // 2 + n // 5]


def result(pixels, config, image):
    try:
        values = pixels(config, image, False)
        assert values.shape[0] == 3
    except (ValueError, AssertionError):
        return None  # refused
    small = pixels(config, image, True)
    assert small.dtype == np.uint8 and small.shape == values.shape
    flat = values.reshape(-1)
    return [digest(small), list(values.shape[1:]), [float(flat[p]) for p in places(flat.size)]]


def results(transform, image):
    out = []
    for config in CONFIGS:
        if "preprocess_cfg" in config:
            out.append(result(lambda c, i, raw: open_clip_pixels(transform, c, i, raw), config, image))
        else:
            out.append(result(transformers_pixels, config, image))
    return out


def lossless(transform):
    cases = []
    for i in range(200):
        kind, data = pictures.make(i)
        image = Image.open(io.BytesIO(data))
        image.load()
        if kind.endswith("turned"):
            image = ImageOps.exif_transpose(image)
        cases.append({"kind": kind, "mode": image.mode, "size": list(image.size), "results": results(transform, image)})
    return cases


def photo(seed, w, h, channels=3):
    """A smooth picture with hard edges, as photos are."""
    small = Image.fromarray(pictures.samples(seed, w // 8 + 2, h // 8 + 2, channels).astype(np.uint8).squeeze())
    return small.resize((w, h), Image.Resampling.BICUBIC)


def unmarked(data):
    """A JPEG without its Adobe segment."""
    at = data.index(b"\xff\xee\0\x0eAdobe")
    return data[:at] + data[at + 16 :]


def sampled(data, w, h, factors):
    """The blocks of a JPEG laid out in another way, with other sampling factors of luma: scrambled, but sound."""
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + bytes([0, h, 0, w, 3, data[at + 5], factors]) + data[at + 7 :]


def lossy(transform):
    cases = []
    def add(name, image, patch=lambda data: data, **options):
        f = io.BytesIO()
        image.save(f, **options)
        data = patch(f.getvalue())
        opened = Image.open(io.BytesIO(data))
        opened.load()
        orientation = opened.getexif().get(0x112, 1)
        cases.append({"name": name, "file": base64.b64encode(data).decode(), "mode": opened.mode, "size": list(opened.size), "orientation": orientation,
                      "pixels": base64.b64encode(opened.tobytes()).decode(), "results": results(transform, opened)})
    turned = Image.Exif()
    turned[0x112] = 6
    for n, (w, h) in enumerate([(45, 38), (38, 45), (41, 33)]):
        add(f"JPEG sampling {n}", photo(n, w, h), format="JPEG", quality=85, subsampling=n)
    add("JPEG progressive", photo(3, 37, 29), format="JPEG", quality=60, subsampling=2, progressive=True, exif=turned)
    add("JPEG 2 wide", photo(4, 3, 21), format="JPEG", subsampling=2)
    add("JPEG one pixel", photo(5, 1, 1), format="JPEG", subsampling=2)
    add("JPEG grey", photo(6, 35, 20, 1), format="JPEG")
    add("JPEG CMYK", photo(7, 27, 22).convert("CMYK"), format="JPEG", quality=90)
    add("JPEG CMYK without a marker", photo(7, 27, 22).convert("CMYK"), unmarked, format="JPEG", quality=90)
    add("JPEG YCCK", photo(7, 27, 22).convert("CMYK"), lambda data: data.replace(b"Adobe\0\x64\0\0\0\0\0", b"Adobe\0\x64\0\0\0\0\2"), format="JPEG", quality=90)
    add("JPEG 1×2", photo(13, 48, 24), lambda data: sampled(data, 24, 45, 0x12), format="JPEG", quality=85, subsampling=1)
    add("JPEG 4×1", photo(14, 32, 32), lambda data: sampled(data, 61, 15, 0x41), format="JPEG", quality=85, subsampling=2)
    add("JPEG RGB", photo(8, 27, 19), format="JPEG", quality=90, keep_rgb=True)
    add("WebP", photo(9, 44, 35), format="WEBP", quality=80)
    add("WebP alpha", photo(10, 31, 28, 4), format="WEBP", quality=70)
    add("WebP lossless", photo(11, 23, 20), format="WEBP", lossless=True)
    add("WebP one pixel", photo(12, 1, 1), format="WEBP")
    return cases


def torchvision():
    """Whole outputs, in bytes."""
    cases = []
    for i in (0, 31, 62, 93, 124, 155, 18, 49):
        image = Image.open(io.BytesIO(pictures.make(i)[1])).convert("RGB")
        row = []
        for config in TORCHVISION:
            small = transformers_pixels(config, image, True, "torchvision")
            values = transformers_pixels(config, image, False, "torchvision").reshape(-1)
            row.append([base64.b64encode(small.tobytes()).decode(), list(small.shape[1:]), [float(values[p]) for p in places(values.size)]])
        cases.append({"picture": i, "results": row})
    return cases


def main():
    transform = open_clip()
    data = {"configs": CONFIGS, "lossless": lossless(transform), "lossy": lossy(transform), "torchvision_configs": TORCHVISION, "torchvision": torchvision()}
    with open(HERE / "pixels.json.gz", "wb") as f:
        with gzip.GzipFile("", "wb", 9, f, 0) as z:
            z.write(json.dumps(data, separators=(",", ":")).encode())


main()
