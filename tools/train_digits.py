#!/usr/bin/env python3
"""Trains the digits model that comes with Lamina, and writes what its container is made of.

    python tools/train_digits.py OUT_DIR
    build/release/tests/make_digits_model OUT_DIR models/data/digits.lamina

Needs torch, torchvision, scikit-learn, pillow, safetensors. The data are scikit-learn's load_digits:
1797 handwritten digits of 8x8 pixels with 17 grey levels (E. Alpaydin and C. Kaynak, "Optical
Recognition of Handwritten Digits", UCI, 1998, CC BY 4.0). A stratified fifth (360 pictures) is held
out; the net never sees it, and its accuracy is the one that the container states.

The network's input is what torchvision's (and Lamina's) transforms make of such a picture: RGB, the
shorter side to 32 by antialiased bilinear, centre crop of 32, scaled, normalised.

Written to OUT_DIR:
    digits.safetensors          the state dict
    digits.json                 accuracy and preprocessing
    digits_test_images.npy      u8 [360, 8, 8], the held-out pictures
    digits_test_labels.npy      u8 [360]
    digits/digit-N.png          one held-out picture of each class
"""

import json
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torchvision import transforms

SEED = 0
EPOCHS = 40
BATCH = 64
SIZE = 32
MEAN, STD = 0.305, 0.376  # of the data set, on a scale of 0 to 1

PREPROCESS = transforms.Compose(
    [
        transforms.Resize(SIZE, transforms.InterpolationMode.BILINEAR, antialias=True),
        transforms.CenterCrop(SIZE),
        transforms.ToTensor(),
        transforms.Normalize([MEAN] * 3, [STD] * 3),
    ]
)


def make_features(channels):
    """VGG's pattern with BatchNorm: pairs of 3x3 convolutions, then 2x2 max pooling."""
    layers, c_in = [], 3
    for c_out in channels:
        for _ in range(2):
            layers += [
                nn.Conv2d(c_in, c_out, kernel_size=3, padding=1),
                nn.BatchNorm2d(c_out),
                nn.ReLU(inplace=True),
            ]
            c_in = c_out
        layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
    return nn.Sequential(*layers)


def make_model():
    """tests/models/make_digits_model.cpp builds the same tree."""
    return nn.Sequential(
        OrderedDict(
            features=make_features([16, 32, 64]),
            avgpool=nn.AdaptiveAvgPool2d((4, 4)),
            flatten=nn.Flatten(),
            classifier=nn.Sequential(
                nn.Linear(64 * 4 * 4, 64), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(64, 10)
            ),
        )
    )


def preprocess(images):
    return torch.stack([PREPROCESS(Image.fromarray(image).convert("RGB")) for image in images])


def shifted(batch, generator):
    """Each picture moved by up to 3 of its 32 pixels; background comes in at the border."""
    background = (0.0 - MEAN) / STD
    padded = nn.functional.pad(batch, (3, 3, 3, 3), value=background)
    offsets = torch.randint(0, 7, (len(batch), 2), generator=generator).tolist()
    return torch.stack([p[:, y : y + SIZE, x : x + SIZE] for p, (y, x) in zip(padded, offsets)])


def train(model, images, labels):
    generator = torch.Generator().manual_seed(SEED)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    steps = EPOCHS * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    model.train()
    for epoch in range(EPOCHS):
        order = torch.randperm(len(images), generator=generator)
        total = 0.0
        for batch in order[: len(images) // BATCH * BATCH].split(BATCH):
            logits = model(shifted(images[batch], generator))
            loss = nn.functional.cross_entropy(logits, labels[batch], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}/{EPOCHS}: loss {total * BATCH / len(images):.4f}", file=sys.stderr)


def write(out, model, images, labels, logits):
    correct = logits.argmax(1).numpy() == labels
    save_file(model.state_dict(), out / "digits.safetensors")
    np.save(out / "digits_test_images.npy", images)
    np.save(out / "digits_test_labels.npy", labels.astype(np.uint8))
    info = {
        "accuracy": 100.0 * float(correct.mean()),
        "correct": int(correct.sum()),
        "pictures": len(labels),
        "parameters": sum(p.numel() for p in model.parameters()),
        "size": SIZE,
        "mean": MEAN,
        "std": STD,
    }
    (out / "digits.json").write_text(json.dumps(info, indent=2) + "\n")
    (out / "digits").mkdir(exist_ok=True)
    for digit in range(10):
        first = int(np.flatnonzero((labels == digit) & correct)[0])
        Image.fromarray(images[first]).save(out / "digits" / f"digit-{digit}.png", optimize=True)
    print(json.dumps(info))


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)  # sums keep their order

    digits = load_digits()
    pictures = ((digits.images.astype(np.int64) * 255 + 8) // 16).astype(np.uint8)
    train_images, test_images, train_labels, test_labels = train_test_split(
        pictures, digits.target, test_size=0.2, stratify=digits.target, random_state=SEED
    )
    model = make_model()
    train(model, preprocess(train_images), torch.from_numpy(train_labels))
    model.eval()
    with torch.no_grad():
        logits = model(preprocess(test_images))
    write(out, model, test_images, test_labels, logits)


if __name__ == "__main__":
    main()
