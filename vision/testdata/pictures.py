"""Pictures and their files from a seed, in integers alone: helper_test.go makes the same."""

import struct
import zlib

import numpy as np

SIZES = [(1, 1), (1, 7), (7, 1), (2, 2), (3, 3), (3000, 17), (17, 300), (33, 50), (64, 64), (65, 63), (160, 107), (107, 160), (5, 90), (24, 24), (90, 41),
         (31, 24), (200, 30), (48, 47), (13, 400), (77, 78)]
KINDS = ["png rgb 8", "png rgba 8", "png grey 8", "png grey 1", "png grey 2", "png grey 4", "png grey 16", "png la 8", "png la 16", "png rgb 16", "png rgba 16",
         "png palette 8", "png palette 4", "png palette 8 alpha", "png palette 2 hole", "png rgb 8 key", "png grey 8 key", "png grey 16 key", "png rgb 8 turned",
         "bmp 24", "bmp 8", "bmp 32", "bmp 1", "tiff rgb", "tiff grey", "tiff rgba multiplied", "tiff rgba", "tiff grey 16", "tiff palette", "gif", "gif hole"]


def hash32(n):
    n = np.asarray(n, np.uint64) * 0x9E3779B1 & 0xFFFFFFFF
    n ^= n >> np.uint64(15)
    n = n * 0x85EBCA77 & 0xFFFFFFFF
    return (n ^ n >> np.uint64(13)).astype(np.int64)


def pick(seed, k, n):
    return int(hash32(seed * 1000 + k)) % n


def samples(seed, w, h, channels):
    """[h, w, channels]: gradients with blocks of noise."""
    y, x, c = np.mgrid[0:h, 0:w, 0:channels]
    base = x * (1 + pick(seed, 1, 7)) + y * (1 + pick(seed, 2, 5)) + c * 37 & 255
    noise = hash32(seed * 7919 + (y * w + x) * 4 + c) & 255
    return np.where((x // (3 + pick(seed, 3, 9)) + y // (2 + pick(seed, 4, 7))) % 3 == 0, noise, base)


def palette(seed, n):
    return bytes(int(v) & 255 for v in hash32(seed * 31 + np.arange(3 * n)))


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(color, depth, rows, w, h, extra=b""):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + extra + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + r for r in rows))) + chunk(b"IEND", b"")


def packed(row, bits):
    """Values of some bits as bytes, the first in the highest bits."""
    out = bytearray((len(row) * bits + 7) // 8)
    for i, v in enumerate(row):
        out[i * bits // 8] |= int(v) << (8 - bits - i * bits % 8)
    return bytes(out)


def wide(v):
    return v.astype(">u2").tobytes()


def exif(orientation):
    return b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x112, 3, 1, orientation) + b"\0\0\0\0"


def make_png(seed, w, h, words):
    color = {"grey": 0, "rgb": 2, "palette": 3, "la": 4, "rgba": 6}[words[1]]
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    depth = int(words[2])
    v = samples(seed, w, h, channels)
    if depth == 16:
        v = v * 3 if color == 0 else v * 256 + (v * 7 & 255)
        rows = [wide(r) for r in v]
    elif depth == 8:
        rows = [r.astype(np.uint8).tobytes() for r in v]
    else:
        v = v >> (8 - depth)
        rows = [packed(r[:, 0], depth) for r in v]
    extra = b""
    if color == 3:
        n = 1 << depth
        extra = chunk(b"PLTE", palette(seed, n))
        if words[-1] == "alpha":
            extra += chunk(b"tRNS", bytes(int(a) & 255 for a in hash32(seed + np.arange(n // 2))))
        if words[-1] == "hole":
            extra += chunk(b"tRNS", b"\xff\xff\0")
    if words[-1] == "key":
        extra += chunk(b"tRNS", wide(v[0, 0]))
    if words[-1] == "turned":
        extra += chunk(b"eXIf", exif(1 + seed % 8))
    return png(color, depth, rows, w, h, extra)


def make_bmp(seed, w, h, bits):
    v = samples(seed, w, h, {24: 3, 32: 4}.get(bits, 1))
    table = b""
    if bits <= 8:
        p = palette(seed, 1 << bits)
        table = b"".join(p[3 * i : 3 * i + 3] + b"\0" for i in range(1 << bits))
        v = v >> (8 - bits)
    rows = [packed(r[:, 0], bits) if bits < 8 else r.astype(np.uint8).tobytes() for r in v[::-1]]
    data = b"".join(r + bytes(-len(r) % 4) for r in rows)
    start = 54 + len(table)
    return b"BM" + struct.pack("<IIIIiiHHIIiiII", start + len(data), 0, start, 40, w, h, 1, bits, 0, len(data), 0, 0, 0, 0) + table + data


def make_tiff(seed, w, h, words):
    channels = {"rgb": 3, "grey": 1, "rgba": 4, "palette": 1}[words[1]]
    v = samples(seed, w, h, channels)
    bits = 16 if words[-1] == "16" else 8
    data = (v * 3).astype("<u2").tobytes() if bits == 16 else v.astype(np.uint8).tobytes()
    tags = [(256, 4, [w]), (257, 4, [h]), (258, 3, [bits] * channels), (259, 3, [1]), (262, 3, [{"grey": 1, "palette": 3}.get(words[1], 2)]), (273, 4, [8]),
            (274, 3, [1 + seed % 8]), (277, 3, [channels]), (278, 4, [h]), (279, 4, [len(data)])]
    if words[1] == "palette":
        p = palette(seed, 256)
        tags.append((320, 3, [p[3 * i + c] * 256 for c in range(3) for i in range(256)]))
    if channels == 4:
        tags.append((338, 3, [1 if words[-1] == "multiplied" else 2]))
    start = 8 + len(data) + len(data) % 2
    after, tail, entries = start + 2 + 12 * len(tags) + 4, b"", b""
    for tag, kind, values in tags:
        raw = struct.pack("<%d%s" % (len(values), "H" if kind == 3 else "I"), *values)
        if len(raw) > 4:
            raw, tail = struct.pack("<I", after + len(tail)), tail + raw
        entries += struct.pack("<HHI", tag, kind, len(values)) + raw.ljust(4, b"\0")
    return b"II*\0" + struct.pack("<I", start) + data + bytes(len(data) % 2) + struct.pack("<H", len(tags)) + entries + bytes(4) + tail


def make_gif(seed, w, h, hole):
    x, y = (w // 4, h // 3) if hole else (0, 0)
    fw, fh = w - x, h - y
    v = (samples(seed, fw, fh, 1) >> 1).astype(np.uint8).tobytes()
    out = b"GIF89a" + struct.pack("<HHBBB", w, h, 0x86, 0, 0) + palette(seed, 128)
    if hole:
        out += b"!\xf9\x04\x01\0\0" + bytes([5 + seed % 50]) + b"\0"
    out += b"," + struct.pack("<HHHHB", x, y, fw, fh, 0) + b"\x07"
    codes = b"".join(b"\x80" + v[i : i + 100] for i in range(0, len(v), 100)) + b"\x81"
    return out + b"".join(bytes([len(codes[i : i + 255])]) + codes[i : i + 255] for i in range(0, len(codes), 255)) + b"\0;"


def make(i):
    """File number i: its kind and bytes."""
    (w, h), kind = SIZES[i * 7 % len(SIZES)], KINDS[i % len(KINDS)]
    words = kind.split()
    if words[0] == "png":
        return kind, make_png(i, w, h, words)
    if words[0] == "bmp":
        return kind, make_bmp(i, w, h, int(words[1]))
    if words[0] == "tiff":
        return kind, make_tiff(i, w, h, words)
    return kind, make_gif(i, w, h, words[-1] == "hole")
