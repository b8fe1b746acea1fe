#!/usr/bin/env python3
"""The page of vgg16-infer --report, as a parser sees it or, with --browser, as Chromium draws it.

    check_report.py [--browser] VGG16_INFER SOURCE_FOLDER

The parser's part needs nothing. The browser's part exits with 77 (skipped) where there is no
chromium; it draws the page 400 and 1600 pixels wide, light and dark, and looks at the pixels. The
pictures are kept in the folder that LAMINA_KEEP_SCREENSHOTS names.
"""

import html.parser
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

SKIPPED = 77
HOSTILE = "<img src=x onerror=alert(1)>&\"'.png"
VOID = {"meta", "img", "br"}


class Page(html.parser.HTMLParser):
    """Elements in order, and what is wrong with how they nest."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.problems, self.text = [], [], [], []
        self.feed(text)
        self.problems += [f"<{tag}> is not closed" for tag in self.open]

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes something else")

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def problems_of(text):
    page = Page(text)
    yield from page.problems
    if page.all("html")[0].get("lang") != "en":
        yield "no language"
    for landmark in ("header", "main", "footer", "h1", "title"):
        if len(page.all(landmark)) != 1:
            yield f"{len(page.all(landmark))} of <{landmark}>"
    for tag, attributes in page.elements:
        if tag in ("script", "link", "iframe", "object", "embed", "base", "form"):
            yield f"<{tag}>"
        for name, value in attributes.items():
            if name.startswith("on"):
                yield f"{name} of <{tag}>"
            if name in ("src", "href") and not value.startswith(("data:image/", "#")):
                yield f"{name} leads out of the page: {value[:60]}"
    if re.search(r"url\(|@import", text):
        yield "the style sheet loads something"
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    if len(set(ids)) != len(ids):
        yield "an id is there twice"
    for tag, attributes in page.elements:
        target = attributes.get("aria-labelledby", attributes.get("href", "#" + ids[0])[1:])
        if target not in ids:
            yield f"<{tag}> refers to {target}, which is not there"
    for image in page.all("img"):
        if not image.get("alt") or not image.get("width") or not image.get("height"):
            yield "an image without a text or a size"
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    if levels[0] != 1 or any(b > a + 1 for a, b in zip(levels, levels[1:])):
        yield f"headings out of order: {levels}"
    for section in page.all("section"):
        if "aria-labelledby" not in section:
            yield "a section without a name"
    if len(page.all("th")) != len([th for th in page.all("th") if th.get("scope") in ("row", "col")]):
        yield "a header cell without a scope"
    if HOSTILE not in "".join(page.text):
        yield "the hostile name is not there as text"


def png_pixels(path):
    """Rows of bytes of an 8-bit RGB or RGBA picture, without its alpha."""
    data = path.read_bytes()
    width, height, bits, kind = struct.unpack(">IIBB", data[16:26])
    assert bits == 8 and kind in (2, 6)
    at, packed = 8, b""
    while at < len(data):
        length, = struct.unpack(">I", data[at:at + 4])
        if data[at + 4:at + 8] == b"IDAT":
            packed += data[at + 8:at + 8 + length]
        at += 12 + length
    raw, n = zlib.decompress(packed), 3 if kind == 2 else 4
    rows, before = [], bytearray(width * n)
    for y in range(height):
        begin = y * (width * n + 1)
        kind, row = raw[begin], bytearray(raw[begin + 1:begin + 1 + width * n])
        for i in range(len(row)):
            a, b = row[i - n] if i >= n else 0, before[i]
            c = before[i - n] if i >= n else 0
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            row[i] = (row[i] + (0, a, b, (a + b) // 2, paeth)[kind]) & 255
        rows.append(row)
        before = row
    return width, height, [[tuple(row[i:i + 3]) for i in range(0, len(row), n)] for row in rows]


def draw(page, width, scheme, folder):
    picture = folder / f"{width}-{scheme}.png"
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
               "--force-device-scale-factor=1", f"--user-data-dir={folder / 'profile'}",
               f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}",
               f"--window-size={width},700", f"--screenshot={picture}", page.as_uri()]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
    if os.environ.get("LAMINA_KEEP_SCREENSHOTS"):
        shutil.copy(picture, os.environ["LAMINA_KEEP_SCREENSHOTS"])
    return png_pixels(picture)


def browser_problems(page, folder):
    for width in (400, 1600):
        for scheme in ("light", "dark"):
            found_width, _, rows = draw(page, width, scheme, folder)
            where = f"{width} pixels wide, {scheme}: "
            if found_width != width:
                yield where + f"the browser drew {found_width}"
            colours = {pixel for row in rows for pixel in row}
            if len(colours) < 500:
                yield where + f"only {len(colours)} colours: the pictures are missing"
            corner = sum(rows[0][0]) / 3
            if (corner < 128) != (scheme == "dark"):
                yield where + f"the background is {rows[0][0]}"
            # What is wider than the window would push the cards' right edge out of it.
            edge = [row[-1] for row in rows]
            if len(set(edge)) != 1:
                yield where + "something reaches the right edge"


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--browser"]
    in_browser = "--browser" in sys.argv
    if in_browser and not shutil.which("chromium"):
        print("skipped: no chromium (Debian: apt install chromium)")
        sys.exit(SKIPPED)
    program, source = arguments[0], Path(arguments[1])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(source / "models/data/digits/digit-3.png", folder / HOSTILE)
        page = folder / "report.html"
        command = [program, "-q", "-m", source / "models/data/digits.lamina", "--report", page,
                   source / "models/data/digits/digit-2.png", source / "examples/photos/flower.jpg",
                   folder / HOSTILE, folder / "none.png"]
        status = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
        found = [] if status == 1 else [f"status {status}, not 1"]
        found += browser_problems(page, folder) if in_browser else problems_of(page.read_text("utf-8"))
    for problem in found:
        print(problem)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
