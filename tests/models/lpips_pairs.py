"""What the LPIPS tests in Python share: the package's network with a VGG16's weights, and pairs."""

import lpips
import numpy as np
import torch


def network(state):
    """lpips.LPIPS (vgg, 0.1) with the features of a torchvision VGG16's state dict."""
    net = lpips.LPIPS(net="vgg", version="0.1", pnet_rand=True, verbose=False)
    slices = [net.net.slice1, net.net.slice2, net.net.slice3, net.net.slice4, net.net.slice5]
    for name, layer in (pair for part in slices for pair in part.named_children()):
        if hasattr(layer, "weight"):
            layer.weight.data = state[f"features.{name}.weight"].clone()
            layer.bias.data = state[f"features.{name}.bias"].clone()
    return net.eval()


def distances(net, a, b, dtype):
    """Of two lists of uint8 pictures [h, w, 3]: the distance and its five stages, float64 [n, 6]."""
    net.to(dtype)
    rows = []
    with torch.no_grad():
        for one, other in zip(a, b):
            pair = [lpips.im2tensor(picture).to(dtype) for picture in (one, other)]
            value, stages = net(*pair, retPerLayer=True)
            rows.append([float(part) for part in (value, *stages)])
    return np.array(rows, dtype=np.float64)
