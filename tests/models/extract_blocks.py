#!/usr/bin/env python3
"""Joins the ```cpp blocks of a Markdown page into one program: extract_blocks.py PAGE.md OUT.cpp

Lines that begin with # go to the top, the rest becomes the body of main().
"""

import re
import sys
from pathlib import Path

page, out = map(Path, sys.argv[1:])
blocks = re.findall(r"^```cpp\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
lines = "\n".join(blocks).splitlines()
includes = [line for line in lines if line.startswith("#")]
body = [line for line in lines if not line.startswith("#")]
out.write_text("\n".join([*includes, "", "int main() {", *body, "}", ""]))
