"""The blocks of docs/python.md are a program, which does what the page says."""

import re
import shutil

from conftest import ROOT


def test_the_blocks_of_the_page_run(tmp_path, monkeypatch, capsys):
    page = (ROOT / "docs/python.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 5
    shutil.copy(ROOT / "examples/photos/flower.jpg", tmp_path / "cat.jpg")
    monkeypatch.chdir(tmp_path)
    names = {}
    try:
        for block in blocks:
            exec(compile(block, "docs/python.md", "exec"), names)
    finally:
        for file in tmp_path.glob("*.*"):
            file.unlink()  # two gigabytes
    printed = capsys.readouterr().out
    assert printed.startswith("VGG(\n  (features)")
    assert "\n5\ncat.jpg ['" in printed
    assert printed.endswith("(64, 3, 3, 3) False\n")
    assert names["logits"].shape == (1, 1000)
