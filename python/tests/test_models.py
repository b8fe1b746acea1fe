"""Models, state dicts and files."""

import gc
import pathlib

import numpy as np
import pytest
from conftest import DIGITS, ROOT

import lamina


def is_mapped(path):
    return str(path) in pathlib.Path("/proc/self/maps").read_text()


def address(array):
    return array.__array_interface__["data"][0]


@pytest.fixture
def weights_file(digits, tmp_path):
    path = tmp_path / "w.lamina"
    lamina.save(digits.state_dict(), path)
    return path


def test_the_eight_have_torchvisions_names_and_text():
    assert set(lamina.models.model_names()) == {
        f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn")
    }
    for name in lamina.models.model_names():
        model = getattr(lamina.models, name)(init_weights=False)
        assert model.name == name
        assert str(model) == (ROOT / f"tests/data/models/{name}.txt").read_text()


def test_without_weights_a_model_trains_with_weights_it_does_not():
    assert lamina.models.vgg11(init_weights=False, num_classes=2).training
    model = lamina.models.vgg11("random:1", num_classes=2)
    assert not model.training
    assert model.weights == "random:1"
    assert model.train().training
    assert not model.eval().training


def test_a_state_dict_is_read_only_views_in_pytorchs_order(digits):
    state = digits.state_dict()
    assert list(state)[:2] == ["features.0.weight", "features.0.bias"]
    for name, array in state.items():
        assert isinstance(array, np.ndarray)
        assert not array.flags.writeable and not array.flags.owndata
        with pytest.raises(ValueError):
            array.setflags(write=True)
    assert state["features.0.weight"].dtype == np.float32


def test_views_keep_the_mapping_alive_and_nothing_else_does(weights_file):
    state = lamina.load(weights_file)
    first = next(iter(state.values()))
    expected = first.copy()
    assert is_mapped(weights_file)
    weights_file.unlink()
    del state
    gc.collect()
    assert is_mapped(weights_file)
    assert np.array_equal(first, expected)
    del first
    gc.collect()
    assert not is_mapped(weights_file)


def test_a_model_takes_the_very_arrays_of_a_file(digits, weights_file):
    state = lamina.load(weights_file)
    digits = lamina.load_model(DIGITS)
    assert digits.load_state_dict(state) == ([], [])
    for name, array in digits.state_dict().items():
        assert address(array) == address(state[name])


def test_a_model_keeps_the_arrays_of_a_user_alive(tiny):
    state = {name: np.array(array) for name, array in tiny.state_dict().items()}
    expected = {name: array.copy() for name, array in state.items()}
    tiny.load_state_dict(state)
    state["1.weight"][0, 0] = expected["1.weight"][0, 0] = 5  # shared, not copied
    del state
    gc.collect()
    for name, array in tiny.state_dict().items():
        assert np.array_equal(array, expected[name])


def test_other_float_types_convert_when_they_are_loaded(tiny):
    state = {name: np.asarray(array, np.float16) for name, array in tiny.state_dict().items()}
    tiny.load_state_dict(state)
    for name, array in tiny.state_dict().items():
        assert array.dtype == np.float32 and np.array_equal(array, state[name])


def test_what_does_not_fit_is_named(tiny):
    with pytest.raises(lamina.StateDictError, match="1 missing: 1.bias; 1 unexpected: other"):
        tiny.load_state_dict({"1.weight": tiny.state_dict()["1.weight"], "other": np.zeros(1)})
    missing, unexpected = tiny.load_state_dict({"other": np.zeros(1)}, strict=False)
    assert missing == ["1.weight", "1.bias"] and unexpected == ["other"]


def test_a_model_goes_through_a_file(digits, batch, tmp_path):
    lamina.save(digits, tmp_path / "m.lamina")
    again = lamina.load_model(tmp_path / "m.lamina", verify=True)
    assert str(again) == str(digits) and again.labels == digits.labels
    assert again.metrics == digits.metrics
    assert np.array_equal(again(batch), digits(batch))


def test_a_checkpoint_goes_through_a_file(tiny, tmp_path):
    data = {"epoch": 5, "loss": 0.4}
    lamina.save(lamina.Checkpoint(tiny.state_dict(), data), tmp_path / "c.lamina")
    checkpoint = lamina.load_checkpoint(tmp_path / "c.lamina")
    assert checkpoint.data == data
    tiny.load_state_dict(checkpoint.state)


@pytest.mark.parametrize("extension", ["lamina", "safetensors", "npz", "pth"])
def test_every_kind_of_file_gives_the_same_arrays(tiny, tmp_path, extension):
    path = tmp_path / f"w.{extension}"
    state = tiny.state_dict() | {
        "scalar": np.array(3, np.int64),
        "empty": np.zeros((0, 4), np.float32),
        "half": np.arange(6, dtype=np.float16).reshape(2, 3).T,
        "bools": np.array([True, False]),
    }
    lamina.save_any(state, path)
    loaded = lamina.load(path)
    assert sorted(loaded) == sorted(state)
    for name, array in loaded.items():
        assert array.dtype == state[name].dtype and array.shape == state[name].shape
        assert np.array_equal(array, state[name])


def test_bf16_is_that_of_ml_dtypes(tmp_path):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    values = np.arange(6).reshape(2, 3).astype(ml_dtypes.bfloat16)
    lamina.save({"w": values}, tmp_path / "w.lamina")
    loaded = lamina.load(tmp_path / "w.lamina")["w"]
    assert loaded.dtype == ml_dtypes.bfloat16 and np.array_equal(loaded, values)


def test_bf16_is_its_bits_without_ml_dtypes(tmp_path, monkeypatch):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    values = np.arange(6).reshape(2, 3).astype(ml_dtypes.bfloat16)
    lamina.save({"w": values}, tmp_path / "w.lamina")
    monkeypatch.setitem(__import__("sys").modules, "ml_dtypes", None)
    bits = lamina.load(tmp_path / "w.lamina")["w"]
    assert bits.dtype == np.uint16 and np.array_equal(bits, values.view(np.uint16))
    lamina.save({"w": bits}, tmp_path / "again.lamina")  # they are still known to be bf16
    monkeypatch.undo()
    assert lamina.load(tmp_path / "again.lamina")["w"].dtype == ml_dtypes.bfloat16
    with pytest.raises(lamina.InvalidArgument, match="uint16"):
        lamina.save({"w": np.zeros(1, np.uint16)}, tmp_path / "no.lamina")


def test_saving_takes_no_file_away_where_that_is_not_wanted(tiny, tmp_path):
    lamina.save(tiny, tmp_path / "m.lamina")
    with pytest.raises(lamina.IoError):
        lamina.save(tiny, tmp_path / "m.lamina", overwrite=False)
    with pytest.raises(TypeError):
        lamina.save(3, tmp_path / "m.lamina")


def test_what_a_model_knows_can_be_changed(tiny):
    tiny.labels = ["one", "two", "three", "four"]
    tiny.name = "other"
    transforms = lamina.Transforms(resize=8, crop=8, mean=[0, 0, 0], std=[1, 1, 1])
    tiny.transforms = transforms
    assert tiny.labels[3] == "four" and tiny.name == "other"
    assert repr(tiny.transforms) == repr(transforms)
