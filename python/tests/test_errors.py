"""Errors are exceptions with the library's own text."""

import numpy as np
import pytest

import lamina


def test_each_class_is_what_python_calls_its_like():
    for child in ("InvalidArgument", "FormatError", "StateDictError"):
        assert issubclass(getattr(lamina, child), (ValueError, lamina.Error))
        assert issubclass(getattr(lamina, child), ValueError)
    for child in ("IoError", "DownloadError", "WeightsNotFound"):
        assert issubclass(getattr(lamina, child), OSError)
    assert issubclass(lamina.CudaError, lamina.DeviceError)
    for child in (lamina.Unsupported, lamina.DeviceError, lamina.IoError):
        assert issubclass(child, lamina.Error)
    assert issubclass(lamina.Error, RuntimeError)


def test_the_text_is_the_librarys(tiny, tmp_path):
    session = lamina.Session(tiny, device="cpu")
    with pytest.raises(lamina.InvalidArgument) as caught:
        session.run(np.zeros((1, 3, 8, 8)))
    assert str(caught.value) == "[session] input is f64, expected f32"
    with pytest.raises(lamina.InvalidArgument, match=r"192"):
        session.run(np.zeros((1, 3, 9, 9), np.float32))
    with pytest.raises(lamina.IoError) as caught:
        lamina.load(tmp_path / "not-there")
    assert str(caught.value) == f"cannot open: No such file or directory: {tmp_path}/not-there"


def test_a_hint_is_there_where_one_helps(tmp_path):
    with pytest.raises(lamina.InvalidArgument) as caught:
        lamina.models.make_model("vgg_16")
    assert caught.value.hint == "did you mean 'vgg16'?"
    assert caught.value.__notes__ == ["hint: did you mean 'vgg16'?"]
    with pytest.raises(lamina.IoError) as caught:
        lamina.load(tmp_path / "not-there")
    assert caught.value.hint == ""


def test_a_broken_file_says_which_rule(tiny, tmp_path):
    path = tmp_path / "m.lamina"
    lamina.save(tiny, path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(lamina.FormatError) as caught:
        lamina.load(path)
    assert caught.value.code == "truncated"


def test_a_path_that_is_no_text_comes_back_as_it_was():
    with pytest.raises(lamina.IoError, match="\udcff"):
        lamina.load("no\udcffsuch")


def test_sessions_say_what_they_cannot(tiny):
    with pytest.raises(lamina.InvalidArgument, match="'fp8' is not a precision"):
        lamina.Session(tiny, precision="fp8")
    with pytest.raises(lamina.Unsupported, match="fp16"):
        lamina.Session(tiny, device="cpu", precision="fp16")
    with pytest.raises(lamina.DeviceError):
        lamina.Session(tiny, device="cuda")
    with pytest.raises(lamina.InvalidArgument, match="train mode") as caught:
        lamina.Session(tiny.train())
    assert caught.value.hint == "call eval() first"


@pytest.mark.parametrize("value", [3, "text", [[1.0]], None, object()])
def test_what_is_no_array_is_refused(tiny, value):
    with pytest.raises(lamina.InvalidArgument, match="cannot be read as an array"):
        lamina.Session(tiny, device="cpu").run(value)


def test_dtypes_that_lamina_has_not_are_named(tiny):
    session = lamina.Session(tiny, device="cpu")
    for dtype in (np.uint32, np.complex64):
        with pytest.raises(lamina.InvalidArgument, match=np.dtype(dtype).name):
            session.run(np.zeros((1, 192), dtype))
    with pytest.raises(lamina.InvalidArgument, match="cannot be read"):
        session.run(np.zeros((1, 192), ">f4"))


def test_a_state_dict_has_names_and_arrays(tiny):
    with pytest.raises(lamina.InvalidArgument, match="a name in the state dict is a int"):
        tiny.load_state_dict({1: np.zeros(1)})
    with pytest.raises(lamina.InvalidArgument, match="'x': a str"):
        tiny.load_state_dict({"x": "y"})


def test_published_weights_that_are_not_here(monkeypatch, tmp_path):
    for variable in ("LAMINA_CACHE", "TORCH_HOME", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    with pytest.raises(lamina.WeightsNotFound) as caught:
        lamina.models.vgg16("IMAGENET1K_V1", download=False)
    assert caught.value.hint
