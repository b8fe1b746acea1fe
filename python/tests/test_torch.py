"""torchvision's models taken over, and torch's tensors as inputs. Run where torch is installed."""

import gc

import numpy as np
import pytest

import lamina

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")


@pytest.fixture(scope="module", params=["vgg11", "vgg13_bn"])
def model(request):
    torch.manual_seed(0)
    return getattr(torchvision.models, request.param)(num_classes=7).eval()


@pytest.fixture
def batch():
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def test_a_torchvision_model_is_taken_over_without_a_copy(model, batch):
    taken = lamina.from_torch(model)
    assert str(taken) == str(model)
    assert not taken.training
    state = taken.state_dict()
    for name, tensor in model.state_dict().items():
        assert state[name].__array_interface__["data"][0] == tensor.data_ptr()
    with torch.no_grad():
        expected = model(batch).numpy()
    logits = lamina.Session(taken, device="cpu").run(batch)
    np.testing.assert_allclose(logits, expected, rtol=0, atol=2e-5 * np.abs(expected).max())


def test_so_is_a_state_dict_and_what_data_parallel_makes_of_it(model):
    for state in (model.state_dict(), torch.nn.DataParallel(model).state_dict()):
        assert str(lamina.from_torch(state)) == str(model)


def test_the_memory_outlives_torchs_model(batch):
    torch.manual_seed(0)
    model = torchvision.models.vgg11(num_classes=3)
    taken = lamina.from_torch(model)
    expected = lamina.Session(taken, device="cpu").run(batch)
    del model
    gc.collect()
    assert np.array_equal(lamina.Session(taken, device="cpu").run(batch), expected)


def test_other_layouts_and_types_are_copied(batch):
    torch.manual_seed(0)
    model = torchvision.models.vgg11(num_classes=3)
    expected = lamina.Session(lamina.from_torch(model), device="cpu").run(batch)
    strided = lamina.from_torch(model.to(memory_format=torch.channels_last))
    assert np.array_equal(lamina.Session(strided, device="cpu").run(batch), expected)
    narrow = lamina.from_torch(model.to(torch.bfloat16))
    assert np.abs(lamina.Session(narrow, device="cpu").run(batch) - expected).max() < 0.1


def test_torch_tensors_are_inputs(model, batch):
    session = lamina.Session(lamina.from_torch(model), device="cpu")
    expected = session.run(batch.numpy())
    for tensor in (batch, batch.to(memory_format=torch.channels_last), batch.double().float()):
        assert np.array_equal(session.run(tensor), expected)
    assert torch.from_numpy(session.run(batch)).shape == (2, 7)


def test_a_tensor_that_cannot_be_an_input_is_an_error(model, batch):
    session = lamina.Session(lamina.from_torch(model), device="cpu")
    with pytest.raises(lamina.InvalidArgument, match="f64"):
        session.run(batch.double())
    with pytest.raises(lamina.InvalidArgument, match="cannot be read as an array: "):
        session.run(batch.to_sparse())
    with pytest.raises(lamina.InvalidArgument):
        session.run(torch.zeros(1, 3, 64, 64, device="meta"))


def test_another_network_is_refused():
    with pytest.raises(lamina.StateDictError) as caught:
        lamina.from_torch(torchvision.models.resnet18())
    assert "no name in the file is a VGG's" in caught.value.hint


def test_torchs_own_files_are_read(model, tmp_path, batch):
    torch.save(model.state_dict(), tmp_path / "w.pth")
    taken = lamina.from_torch(lamina.load(tmp_path / "w.pth"))
    assert str(taken) == str(model)
    lamina.save_any(taken.state_dict(), tmp_path / "again.pth")
    for name, tensor in torch.load(tmp_path / "again.pth", weights_only=True).items():
        assert torch.equal(tensor, model.state_dict()[name])


def test_preprocessing_is_torchvisions(tmp_path):
    pil = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(0).integers(0, 256, (301, 400, 3), np.uint8)
    image = pil.fromarray(pixels)
    transforms = torchvision.models.VGG16_Weights.IMAGENET1K_V1.transforms()
    expected = transforms(image).numpy()
    assert np.array_equal(lamina.preprocess(image), expected)
    image.save(tmp_path / "p.png")
    assert np.array_equal(lamina.preprocess(tmp_path / "p.png"), expected)
