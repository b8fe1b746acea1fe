"""Running: arrays in and out, pictures, classes."""

import gc
import json
import os
import pathlib
import resource
import subprocess

import numpy as np
import pytest
from conftest import DIGITS, PICTURES, OnlyDLPack

import lamina


def test_runs_as_the_layers_one_by_one(digits, batch):
    session = lamina.Session(digits, device="cpu")
    assert session.device == "cpu" and session.precision == "fp32" and session.max_batch == 8
    logits = session.run(batch)
    assert logits.dtype == np.float32 and logits.shape == (10, 10)
    assert logits.argmax(1).tolist() == list(range(10))
    np.testing.assert_allclose(logits, digits(batch), rtol=1e-4, atol=1e-4)


def test_an_image_has_the_same_bits_in_any_batch_and_on_any_threads(digits, batch):
    expected = lamina.Session(digits, device="cpu", threads=1, max_batch=1).run(batch)
    for threads, max_batch in ((1, 16), (2, 3)):
        session = lamina.Session(digits, device="cpu", threads=threads, max_batch=max_batch)
        assert np.array_equal(session.run(batch), expected)


def test_results_are_the_callers_own(digits, batch):
    session = lamina.Session(digits, device="cpu")
    first = session.run(batch)
    kept = first.copy()
    session.run(batch[::-1])
    assert np.array_equal(first, kept)
    first[:] = 0  # writable
    del session
    gc.collect()
    assert not first.any()


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x[:, :, ::-1],
        lambda x: x[::-2],
        lambda x: x[:, :, :, 3:19],
        lambda x: np.asfortranarray(x),
        lambda x: np.broadcast_to(x[0], x.shape),
        lambda x: x.transpose(0, 1, 3, 2),
        lambda x: x[:0],
        lambda x: np.frombuffer(b"\0" + x.tobytes(), np.float32, x.size, 1).reshape(x.shape),
    ],
    ids=["mirrored", "backwards", "cropped", "fortran", "broadcast", "transposed", "none", "odd"],
)
def test_arrays_of_any_layout_mean_what_they_say(digits, batch, view):
    session = lamina.Session(digits, device="cpu")
    x = view(batch)
    assert np.array_equal(session.run(x), session.run(np.array(x, order="C")))


def test_takes_read_only_arrays_and_those_of_other_libraries(digits, batch):
    session = lamina.Session(digits, device="cpu")
    expected = session.run(batch)
    assert np.array_equal(session.run(OnlyDLPack(batch)), expected)
    batch.setflags(write=False)
    assert np.array_equal(session.run(batch), expected)


def test_nothing_is_copied_in(tiny):
    session = lamina.Session(tiny, device="cpu", max_batch=64)
    session.run(np.ones((64, 3, 8, 8), np.float32))
    batch = np.ones((120_000, 3, 8, 8), np.float32)  # 88 MiB
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    session.run(batch)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * 1024 < batch.nbytes / 4


def test_outputs_of_layers(digits, batch):
    session = lamina.Session(digits, device="cpu", outputs=["features.0", "classifier"])
    logits, outputs = session.run_with_outputs(batch, ["classifier"])
    assert np.array_equal(outputs["classifier"], logits)
    assert session.output("features.0").shape == (10, 16, 32, 32)
    with pytest.raises(lamina.InvalidArgument, match="not asked for"):
        session.output("features.1")


def test_a_profile_has_times(digits, batch):
    session = lamina.Session(digits, device="cpu", profile=True)
    assert session.steps() == []
    session.run(batch)
    assert sum(step["time_ms"] for step in session.steps()) > 0
    assert session.steps()[1]["what"].startswith("conv2d")
    assert session.arena_bytes > 0 and session.threads >= 1


def test_int8_takes_the_models_ranges(batch):
    model = lamina.load_model(DIGITS)
    none = lamina.Session(model, device="cpu", precision="int8").run(batch)
    ranges = {
        name.removesuffix(".weight"): 20.0
        for name, array in model.state_dict().items()
        if array.ndim == 4
    }
    given = lamina.Session(model, device="cpu", precision="int8", input_ranges=ranges).run(batch)
    model.input_ranges = ranges
    own = lamina.Session(model, device="cpu", precision="int8").run(batch)
    assert np.array_equal(own, given) and not np.array_equal(own, none)


def test_pictures_come_from_paths_bytes_and_arrays(digits):
    path = PICTURES[7]
    expected = lamina.preprocess(path, digits.transforms)
    assert expected.dtype == np.float32 and expected.shape == (3, 32, 32)
    image = lamina.load_image(path)
    assert image.numpy().shape == (image.height, image.width, 3)
    for same in (str(path), path.read_bytes(), image, image.numpy(), image.numpy()[:]):
        assert np.array_equal(lamina.preprocess(same, digits.transforms), expected)
    assert lamina.preprocess(path).shape == (3, 224, 224)


def test_classify_says_what_the_program_says(digits, tmp_path):
    program = pathlib.Path(os.environ.get("LAMINA_TEST_BIN", "")) / "vgg16-infer"
    if not program.is_file():
        pytest.skip("LAMINA_TEST_BIN has no vgg16-infer")
    missing = tmp_path / "missing.png"
    paths = [*PICTURES[:3], missing, *PICTURES[3:]]
    run = subprocess.run(
        [program, "-q", "-m", DIGITS, "--device", "cpu", "-k", "3", "--format", "jsonl", *paths],
        capture_output=True,
        text=True,
    )
    theirs = [json.loads(line) for line in run.stdout.splitlines()]
    ours = lamina.Session(digits, device="cpu", max_batch=4).classify(paths, topk=3)
    assert len(ours) == len(theirs) == 11
    for mine, other in zip(ours, theirs):
        assert list(mine) == list(other)
        assert mine.get("ms", {}).keys() == other.get("ms", {}).keys()
        for key in mine.keys() - {"ms", "top"}:
            assert mine[key] == other[key]
        for score, other_score in zip(mine.get("top", []), other.get("top", []), strict=True):
            assert list(score) == list(other_score)
            assert score["index"] == other_score["index"]
            assert score["label"] == other_score["label"]
            for key in ("prob", "logit"):
                assert np.float32(score[key]) == np.float32(other_score[key])


def test_classify_takes_one_picture_and_arrays(digits):
    session = lamina.Session(digits, device="cpu")
    (one,) = session.classify(str(PICTURES[4]), topk=1)
    assert one["path"] == str(PICTURES[4]) and one["top"][0]["label"] == "4"
    (array,) = session.classify([lamina.load_image(PICTURES[4]).numpy()], topk=1)
    assert array["path"] is None and array["top"] == one["top"]
    assert session.classify([]) == []


def test_top_classes(digits, batch):
    top = lamina.top_classes(lamina.Session(digits, device="cpu").run(batch), 2)
    assert [image[0][0] for image in top] == list(range(10))
    assert all(0 < second[1] < first[1] < 1 for first, second in top)
