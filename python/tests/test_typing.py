"""The package is typed, and mypy believes it."""

import ast
import pathlib
import subprocess
import sys

import pytest

import lamina
from lamina import _core

PACKAGE = pathlib.Path(lamina.__file__).parent

GOOD = """
import numpy
import lamina

model = lamina.models.vgg16(weights=None, num_classes=10)
model.eval().load_state_dict(lamina.load("w.lamina"))
session = lamina.Session(model, device="cpu", max_batch=4, outputs=["features.0"])
logits: numpy.ndarray = session.run(lamina.preprocess("cat.jpg")[None])
first: str = session.classify(["cat.jpg"])[0]["path"]
lamina.save(model.state_dict(), "w.lamina", overwrite=False)
lamina.save(lamina.Checkpoint(model.state_dict(), {"epoch": 5}), "c.lamina")
"""
BAD = """
import lamina

lamina.Session("vgg16")
lamina.models.vgg16(classes=10)
lamina.load(3)
"""


def test_the_stub_names_all_that_the_module_has():
    tree = ast.parse((PACKAGE / "_core.pyi").read_text())
    named = {node.name for node in tree.body if hasattr(node, "name")}
    assert {name for name in dir(_core) if not name.startswith("_")} <= named
    assert (PACKAGE / "py.typed").is_file()


def test_all_public_names_are_there():
    for name in lamina.__all__:
        assert getattr(lamina, name) is not None


def test_mypy(tmp_path):
    pytest.importorskip("mypy")
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "bad.py").write_text(BAD)

    def mypy(*arguments):
        command = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache")]
        return subprocess.run([*command, *arguments], capture_output=True, text=True, cwd=tmp_path)

    # nanobind writes a bare os.PathLike.
    good = mypy("--strict", "--disable-error-code", "type-arg", "-p", "lamina")
    assert good.returncode == 0, good.stdout
    good = mypy("good.py")
    assert good.returncode == 0, good.stdout
    bad = mypy("bad.py").stdout
    assert [f"bad.py:{line}" in bad for line in (4, 5, 6)] == [True] * 3, bad
