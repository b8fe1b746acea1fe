"""Writes tests/data/vision/: small images of every kind that is read, and what Pillow and
torchvision make of them.

    python tests/vision/make_fixtures.py

  *.png *.jpg *.bmp *.gif   the images, drawn here from formulas and a seeded generator
  expected.rgb              their pixels by Image.open(file).convert("RGB"), one after the other
  index.json                "images": where each one's pixels lie in expected.rgb; "resize", "crop",
                            "preprocess": FNV-1a hashes of results on images of noise()

Made with Pillow 13.0.0 and torchvision 0.29.2; needs NumPy besides.
"""

import io
import json
import pathlib
import struct
import zlib

import numpy as np
import torchvision.transforms.functional as F
from PIL import Image, ImageOps
from torchvision.models import VGG16_Weights
from torchvision.transforms import InterpolationMode

OUT = pathlib.Path(__file__).resolve().parent.parent / "data" / "vision"
rng = np.random.default_rng(7)
files = {}


def random_bytes(count):
    return rng.integers(0, 256, count, dtype=np.uint8).tobytes()


def drawing(width, height, channels=3):
    """Gradients, waves and some noise: smooth enough for JPEG, busy enough to show errors."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [128 + 90 * np.sin(x / 7 + c) + 50 * np.cos(y / 5 + 2 * c) for c in range(channels)]
    values = np.stack(waves, -1) + rng.normal(0, 12, (height, width, channels))
    return np.clip(values, 0, 255).astype(np.uint8)


def noise(width, height):
    """The image that the C++ tests make for themselves: the high bytes of a linear congruence."""
    state, values = 1, bytearray()
    for _ in range(3 * width * height):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append(state >> 24)
    return Image.frombytes("RGB", (width, height), bytes(values))


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def save(name, image, **options):
    buffer = io.BytesIO()
    image.save(buffer, {"jpg": "JPEG"}.get(name[-3:], name[-3:].upper()), **options)
    files[name] = buffer.getvalue()
    return files[name]


# --- PNG -----------------------------------------------------------------------------------------

SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
NAMES = {0: "grey", 2: "rgb", 3: "palette", 4: "grey_alpha", 6: "rgba"}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
         (0, 1, 1, 2)]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, bits, color, rows, before=b"", interlace=0, idat_bytes=1 << 30):
    packed = zlib.compress(rows, 9)
    idat = b"".join(chunk(b"IDAT", packed[i:i + idat_bytes])
                    for i in range(0, len(packed), idat_bytes))
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, interlace)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + idat + chunk(b"IEND", b""))


def random_png(width, height, bits, color, before=b"", interlace=0, **options):
    """Random bytes under random filters: every unpacking and every filter is exercised."""
    rows = b""
    for x0, y0, dx, dy in ADAM7 if interlace else [(0, 0, 1, 1)]:
        columns, lines = -(-(width - x0) // dx), -(-(height - y0) // dy)
        if columns <= 0 or lines <= 0:
            continue
        for _ in range(lines):
            size = (columns * bits * SAMPLES[color] + 7) // 8
            rows += bytes([rng.integers(0, 5)]) + random_bytes(size)
    return png(width, height, bits, color, rows, before, interlace, **options)


def make_pngs():
    for color, depths in DEPTHS.items():
        for bits in depths:
            before = chunk(b"PLTE", random_bytes(3 * min(1 << bits, 200))) if color == 3 else b""
            for interlace in (0, 1):
                name = f"{NAMES[color]}{bits}{'_adam7' if interlace else ''}.png"
                files[name] = random_png(13, 7, bits, color, before, interlace)
    palette = chunk(b"PLTE", random_bytes(768))
    files["palette_partly_transparent.png"] = random_png(
        13, 7, 8, 3, palette + chunk(b"tRNS", random_bytes(40)))
    files["palette_one_transparent.png"] = random_png(
        13, 7, 8, 3, palette + chunk(b"tRNS", b"\xff\xff\0\xff"))
    files["rgb_key_transparent.png"] = random_png(13, 7, 8, 2, chunk(b"tRNS", b"\0\1\0\2\0\3"))
    files["grey_key_transparent.png"] = random_png(13, 7, 8, 0, chunk(b"tRNS", b"\0\1"))
    files["gamma_ignored.png"] = random_png(5, 3, 8, 2, chunk(b"gAMA", struct.pack(">I", 100000)))
    files["many_small_idat.png"] = random_png(13, 7, 8, 2, idat_bytes=5)
    files["one_pixel.png"] = random_png(1, 1, 8, 2)
    files["tall.png"] = random_png(1, 3000, 1, 0)
    files["wide.png"] = random_png(3000, 1, 1, 0)


# --- JPEG ----------------------------------------------------------------------------------------


def orientation_tiff(value, big_endian):
    order = ">" if big_endian else "<"
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, value, 0)
    return ((b"MM" if big_endian else b"II") + struct.pack(order + "HI", 42, 8)
            + struct.pack(order + "H", 1) + entry + bytes(4))


def with_sampling(jpeg, width, height, factors):
    """The same coded blocks under another geometry with as many units: a scrambled picture, but a
    legal file with a chroma sampling that Pillow does not write."""
    sof = jpeg.index(b"\xff\xc0")
    return (jpeg[:sof + 5] + struct.pack(">HH", height, width) + jpeg[sof + 9:sof + 11]
            + bytes([factors]) + jpeg[sof + 12:])


def make_jpegs():
    photo = Image.fromarray(drawing(37, 27))
    for sampling in ("4:4:4", "4:2:2", "4:2:0"):
        for progressive in (False, True):
            name = f"{sampling.replace(':', '')}{'_progressive' if progressive else ''}.jpg"
            save(name, photo, subsampling=sampling, progressive=progressive, quality=80)
    files["440.jpg"] = with_sampling(files["422.jpg"], 27, 37, 0x12)
    files["411.jpg"] = with_sampling(files["420.jpg"], 37, 24, 0x41)
    save("grey.jpg", photo.convert("L"), quality=80)
    save("grey_progressive.jpg", photo.convert("L"), quality=80, progressive=True)
    save("stored_as_rgb.jpg", photo, quality=80, keep_rgb=True)
    save("restart_markers.jpg", photo, quality=80, restart_marker_blocks=1)
    save("low_quality.jpg", photo, quality=5)
    save("one_pixel.jpg", Image.fromarray(drawing(1, 1)))
    cmyk = save("cmyk_adobe.jpg", Image.fromarray(drawing(37, 27, 4), "CMYK"), quality=80)
    app14 = cmyk.index(b"Adobe") - 4
    size = 2 + int.from_bytes(cmyk[app14 + 2:app14 + 4], "big")
    files["cmyk_plain.jpg"] = cmyk[:app14] + cmyk[app14 + size:]
    files["ycck.jpg"] = cmyk[:app14 + size - 1] + b"\2" + cmyk[app14 + size:]
    small = Image.fromarray(drawing(11, 6))
    for value in range(1, 9):
        tiff = orientation_tiff(value, big_endian=value % 2 == 0)
        save(f"exif_{value}.jpg", small, quality=80, exif=b"Exif\0\0" + tiff)
    files["exif_6.png"] = random_png(11, 6, 8, 2, chunk(b"eXIf", orientation_tiff(6, True)))
    save("photo.jpg", Image.fromarray(drawing(341, 283)), quality=60)


# --- BMP -----------------------------------------------------------------------------------------


def bmp(width, height, bits, data, compression=0, palette=b"", colors=0, masks=(), header=40,
        top_down=False, offset=None):
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, width, -height if top_down else height, 1, bits,
                           compression, len(data), 0, 0, colors, 0)
    info += b"".join(struct.pack("<I", mask) for mask in masks)
    info = info.ljust(header, b"\0")
    start = 14 + len(info) + len(palette)
    offset = start if offset is None else offset
    return (b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, offset) + info + palette + data)


def runs(four_bits):
    """Runs, literals, ends of lines and jumps, more than enough for 13 x 7 pixels."""
    data = b""
    for _ in range(300):
        kind = rng.integers(0, 8)
        if kind < 4:
            data += bytes([rng.integers(1, 20), rng.integers(0, 256)])
        elif kind < 6:
            count = int(rng.integers(3, 12))
            size = (count + 1) // 2 if four_bits else count
            data += bytes([0, count]) + random_bytes(size) + bytes(size % 2)
        elif kind == 6:
            data += b"\0\0"
        else:
            data += bytes([0, 2, rng.integers(0, 4), rng.integers(0, 2)])
    return data + b"\0\1"


def make_bmps():
    width, height = 13, 7

    def pixels(bits):
        return random_bytes((width * bits + 31) // 32 * 4 * height)

    def add(name, bits, **options):
        files[name] = bmp(width, height, bits, options.pop("data", None) or pixels(bits), **options)

    for bits in (1, 4, 8):
        add(f"palette{bits}.bmp", bits, palette=random_bytes(4 << bits))
    add("palette_short.bmp", 8, palette=random_bytes(400), colors=100)
    add("palette_of_greys.bmp", 8, palette=b"".join(bytes([i, i, i, 0]) for i in range(100)),
        colors=100)
    add("palette_not_in_offset.bmp", 8, palette=random_bytes(1024), offset=54)
    add("os2_palette8.bmp", 8, palette=random_bytes(768), header=12)
    add("rle8.bmp", 8, palette=random_bytes(1024), compression=1, data=runs(False))
    add("rle4.bmp", 4, palette=random_bytes(64), compression=2, data=runs(True))
    add("rgb555.bmp", 16)
    add("rgb565.bmp", 16, compression=3, masks=(0xF800, 0x7E0, 0x1F), header=56)
    add("rgb24.bmp", 24)
    add("rgb24_top_down.bmp", 24, top_down=True)
    add("rgb32.bmp", 32)
    layouts = {"bgra": (0xFF0000, 0xFF00, 0xFF, 0xFF000000), "rgba": (0xFF, 0xFF00, 0xFF0000,
                                                                      0xFF000000),
               "abgr": (0xFF000000, 0xFF0000, 0xFF00, 0xFF),
               "bgar": (0xFF000000, 0xFF00, 0xFF, 0xFF0000)}
    for name, masks in layouts.items():
        add(f"masks_{name}.bmp", 32, compression=3, masks=masks, header=108)
    files["one_pixel.bmp"] = bmp(1, 1, 24, random_bytes(4))


# --- GIF -----------------------------------------------------------------------------------------


def make_gifs():
    photo = Image.fromarray(drawing(37, 27))
    save("palette.gif", photo)
    save("interlaced.gif", photo, interlace=1)
    save("grey.gif", photo.convert("L"))
    few = photo.quantize(9)
    transparent = bytearray(save("transparent.gif", few, transparency=3))
    frame = bytes(transparent).index(b",\0\0\0\0")
    files["frame_on_canvas.gif"] = (transparent[:6] + struct.pack("<HH", 45, 32)
                                    + transparent[10:frame + 1] + struct.pack("<HH", 5, 3)
                                    + transparent[frame + 5:])
    files["frame_leaves_canvas.gif"] = transparent[:6] + struct.pack("<HH", 9, 9) + transparent[10:]
    save("animated.gif", few, save_all=True, append_images=[few.rotate(90)])
    save("one_pixel.gif", Image.fromarray(drawing(1, 1)))


# --- what is expected ----------------------------------------------------------------------------


def image_entries():
    pixels, entries = b"", []

    def place(image):
        nonlocal pixels
        entry = {"width": image.width, "height": image.height, "offset": len(pixels)}
        pixels += image.tobytes()
        return entry

    for name, data in sorted(files.items()):
        (OUT / name).write_bytes(data)
        if name == "photo.jpg":
            continue
        image = Image.open(io.BytesIO(data))
        entry = {"file": name, **place(image.convert("RGB"))}
        if name.startswith("exif"):
            entry["upright"] = place(ImageOps.exif_transpose(image).convert("RGB"))
        entries.append(entry)
    (OUT / "expected.rgb").write_bytes(pixels)
    return entries


def resize_entries():
    sizes = [(1, 1), (2, 3), (17, 11), (64, 48), (101, 203), (300, 1), (1, 300)]
    targets = [(1, 1), (5, 3), (64, 48), (37, 90), (256, 256), (99, 1)]
    return [{"in": size, "out": target,
             "fnv1a": fnv1a(noise(*size).resize(target, Image.Resampling.BILINEAR).tobytes())}
            for size in sizes for target in targets]


def shorter_side_entries():
    cases = [(7, 5, 3), (5, 7, 3), (101, 203, 64), (203, 101, 64), (3, 1, 5), (10, 10, 10)]
    entries = []
    for width, height, size in cases:
        image = F.resize(noise(width, height), size, InterpolationMode.BILINEAR)
        entries.append({"in": (width, height), "size": size, "out": image.size,
                        "fnv1a": fnv1a(image.tobytes())})
    return entries


def crop_entries():
    cases = [(9, 9, 9), (9, 9, 4), (10, 9, 5), (11, 12, 5), (12, 11, 9), (5, 5, 9), (5, 20, 8),
             (20, 5, 8), (6, 9, 9), (1, 1, 6)]
    return [{"in": (width, height), "size": size,
             "fnv1a": fnv1a(F.center_crop(noise(width, height), size).tobytes())}
            for width, height, size in cases]


def preprocess_entries():
    transform = VGG16_Weights.IMAGENET1K_V1.transforms()
    images = {"photo.jpg": Image.open(OUT / "photo.jpg").convert("RGB")}
    images |= {f"{w}x{h}": noise(w, h) for w, h in ((1, 1), (300, 1), (1, 300), (256, 256),
                                                     (257, 256), (319, 241))}
    entries = []
    for name, image in images.items():
        cropped = F.center_crop(F.resize(image, 256, InterpolationMode.BILINEAR), 224)
        tensor = transform(image).numpy()
        entries.append({"image": name, "in": image.size, "pixels_fnv1a": fnv1a(cropped.tobytes()),
                        "tensor_fnv1a": fnv1a(tensor.astype("<f4").tobytes()),
                        "samples": [[c, y, x, float(tensor[c, y, x])]
                                    for c, y, x in ((0, 0, 0), (1, 100, 37), (2, 223, 223))]})
    return entries


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    make_pngs()
    make_jpegs()
    make_bmps()
    make_gifs()
    index = {"images": image_entries(), "resize": resize_entries(),
             "shorter_side": shorter_side_entries(), "crop": crop_entries(),
             "preprocess": preprocess_entries()}
    rows = {key: ",\n".join("    " + json.dumps(entry) for entry in entries)
            for key, entries in index.items()}
    text = ",\n".join(f'  "{key}": [\n{entries}\n  ]' for key, entries in rows.items())
    (OUT / "index.json").write_text("{\n" + text + "\n}\n")


if __name__ == "__main__":
    main()
