"""What the tests share. LAMINA_TEST_TINY is the model that tests/python/tiny_model.cpp writes."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import lamina

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIGITS = ROOT / "models/data/digits.lamina"
PICTURES = sorted((ROOT / "models/data/digits").glob("*.png"))


class OnlyDLPack:
    """An array of another library."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


@pytest.fixture(scope="session")
def digits():
    return lamina.load_model(DIGITS)


@pytest.fixture(scope="session")
def tiny_path():
    path = os.environ.get("LAMINA_TEST_TINY")
    if not path:
        pytest.skip("LAMINA_TEST_TINY names no file")
    return path


@pytest.fixture
def tiny(tiny_path):
    return lamina.load_model(tiny_path)


@pytest.fixture
def batch(digits):
    """The ten digits, float32 [10, 3, 32, 32]."""
    return np.stack([lamina.preprocess(path, digits.transforms) for path in PICTURES])


@pytest.fixture
def script():
    """Starts a Python that runs the text; a hang ends with the test."""
    started = []

    def start(text, *arguments):
        command = [sys.executable, "-u", "-c", text, *map(str, arguments)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
