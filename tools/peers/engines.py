"""Each engine as a class: made from the layers, images [n, 3, 224, 224] and threads; run() -> logits.

Imports stand inside the classes: a worker loads one engine, and the others need not be there.
"""

import os
import subprocess
import sys

import numpy as np

import model_files


class Unsupported(Exception):
    """The engine has nothing of that precision."""


def need(precision, *known):
    if precision not in known:
        raise Unsupported(f"no {precision}")


def onnx_file(layers, images, precision, folder):
    path = os.path.join(folder, "model.onnx")
    model_files.write_onnx(layers, path, len(images))
    if precision != "int8":
        return path
    quantized = os.path.join(folder, "int8.onnx")
    model_files.quantize_onnx(path, quantized, images)
    return quantized


def torch_model(layers):
    from torch import from_numpy, nn, no_grad

    modules, flat = [], False
    for layer in layers:
        if layer.kind == "pool":
            modules.append(nn.MaxPool2d(2))
            continue
        if layer.kind == "conv":
            outputs, inputs = layer.weight.shape[:2]
            module = nn.Conv2d(inputs, outputs, 3, padding=1)
        else:
            if not flat:
                modules.append(nn.Flatten())
                flat = True
            module = nn.Linear(*layer.weight.shape[::-1])
        with no_grad():
            module.weight.copy_(from_numpy(np.array(layer.weight)))
            module.bias.copy_(from_numpy(np.array(layer.bias)))
        modules.append(module)
        if layer.relu:
            modules.append(nn.ReLU(inplace=True))
    return nn.Sequential(*modules).eval()


class PyTorch:
    precisions = ("fp32", "bf16")
    channels_last = compiled = False

    def __init__(self, layers, images, threads, precision, folder):
        import torch

        self.torch, self.version = torch, torch.__version__
        need(precision, *self.precisions)
        torch.set_num_threads(threads)
        model = torch_model(layers)
        self.images = torch.from_numpy(images)
        if precision == "bf16":
            model, self.images = model.bfloat16(), self.images.bfloat16()
        if self.channels_last:
            model = model.to(memory_format=torch.channels_last)
            self.images = self.images.to(memory_format=torch.channels_last)
        if self.compiled:
            import torch._inductor.config

            torch._inductor.config.freezing = True
            model = torch.compile(model)
        self.model = model

    def run(self):
        with self.torch.inference_mode() if not self.compiled else self.torch.no_grad():
            return self.model(self.images).float().numpy()


class PyTorchChannelsLast(PyTorch):
    channels_last = True


class PyTorchCompiled(PyTorch):
    channels_last = compiled = True


class PyTorchCuda:
    """On the GPU by cuDNN and cuBLAS: channels_last, one CUDA graph, images in pinned memory.

    gpu_ms is the device's time of the last graph: no copy, no change of type or layout.
    """

    def __init__(self, layers, images, threads, precision, folder):
        import torch

        self.torch, self.version = torch, torch.__version__
        need(precision, "fp32", "tf32", "fp16", "bf16")
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.allow_tf32 = precision == "tf32"
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        dtype = {"fp16": torch.float16, "bf16": torch.bfloat16}.get(precision, torch.float32)
        last = torch.channels_last
        self.images = torch.from_numpy(images).pin_memory()
        self.input = self.images.to("cuda", dtype).to(memory_format=last)
        self.model = torch_model(layers).to("cuda", dtype).to(memory_format=last)  # a graph keeps none
        self.call = self._prepare(self.model)
        self.begin, self.end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        self.peaks = self._ceilings(dtype)

    def _prepare(self, model):
        torch = self.torch
        with torch.inference_mode():
            aside = torch.cuda.Stream()
            with torch.cuda.stream(aside):
                for _ in range(3):
                    model(self.input)
            torch.cuda.synchronize()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                output = model(self.input)

        def replay():
            graph.replay()
            return output

        return replay

    def _best_ms(self, work):
        best = float("inf")
        for _ in range(10):
            self.begin.record()
            work()
            self.end.record()
            self.torch.cuda.synchronize()
            best = min(best, self.begin.elapsed_time(self.end))
        return best

    def _ceilings(self, dtype):
        """A large matrix product, and a large copy counting bytes read and written."""
        torch, n = self.torch, 8192
        a, b = (torch.randn(n, n, device="cuda").to(dtype) for _ in range(2))
        c, out = torch.empty(1 << 30, dtype=torch.uint8, device="cuda"), torch.empty_like(a)
        d = torch.empty_like(c)
        gflops = 2e-6 * n**3 / self._best_ms(lambda: torch.matmul(a, b, out=out))
        return {
            "fma_gflops": gflops,
            "read_gb_per_s": 2e-6 * c.numel() / self._best_ms(lambda: d.copy_(c)),
        }

    def run(self):
        with self.torch.inference_mode():
            self.input.copy_(self.images, non_blocking=True)
            self.begin.record()
            output = self.call()
            self.end.record()
            logits = output.float().cpu().numpy()
        self.gpu_ms = self.begin.elapsed_time(self.end)
        return logits


class PyTorchCudaCompiled(PyTorchCuda):
    """torch.compile with max-autotune, which captures graphs of its own."""

    def _prepare(self, model):
        torch = self.torch
        compiled = torch.compile(model, mode="max-autotune")
        with torch.inference_mode():
            for _ in range(3):
                compiled(self.input)
        return lambda: compiled(self.input)


class OnnxRuntime:
    def __init__(self, layers, images, threads, precision, folder):
        import onnxruntime

        self.version, self.images = onnxruntime.__version__, images
        need(precision, "fp32", "int8")
        path = onnx_file(layers, images, precision, folder)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])

    def run(self):
        return self.session.run(None, {"input": self.images})[0]


class OpenVino:
    def __init__(self, layers, images, threads, precision, folder):
        import openvino

        self.version, self.images = openvino.__version__.split("-")[0], images
        need(precision, "fp32", "bf16", "int8")
        path = onnx_file(layers, images, precision, folder)
        config = {
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        }
        self.request = openvino.Core().compile_model(path, "CPU", config).create_infer_request()

    def run(self):
        return next(iter(self.request.infer([self.images]).values()))


class Ncnn:
    def __init__(self, layers, images, threads, precision, folder):
        import ncnn

        self.ncnn, self.version, self.images = ncnn, ncnn.__version__, images
        need(precision, "fp32", "bf16")
        param, weights = os.path.join(folder, "model.param"), os.path.join(folder, "model.bin")
        self.result = model_files.write_ncnn(layers, param, weights)
        self.net = ncnn.Net()
        self.net.opt.num_threads = threads
        self.net.opt.use_vulkan_compute = False
        self.net.opt.use_bf16_storage = precision == "bf16"
        for half in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"):
            setattr(self.net.opt, half, False)  # else fp32 is not what it says
        self.net.load_param(param)
        self.net.load_model(weights)

    def run(self):
        logits = []  # a call takes one image
        for image in self.images:
            extractor = self.net.create_extractor()
            extractor.input("input", self.ncnn.Mat(image))
            logits.append(np.array(extractor.extract(self.result)[1]))
        return np.stack(logits)


class Mnn:
    def __init__(self, layers, images, threads, precision, folder):
        import MNN

        self.MNN, self.version = MNN, MNN.version()
        need(precision, "fp32", "bf16")
        onnx, path = os.path.join(folder, "model.onnx"), os.path.join(folder, "model.mnn")
        model_files.write_onnx(layers, onnx, len(images))
        convert = [os.path.join(os.path.dirname(sys.executable), "mnnconvert")]
        convert += ["-f", "ONNX", "--modelFile", onnx, "--MNNModel", path, "--bizCode", "vgg"]
        subprocess.run(convert, check=True, stdout=subprocess.DEVNULL)
        self.net = MNN.Interpreter(path)
        level = {"fp32": "high", "bf16": "low"}[precision]
        self.session = self.net.createSession(
            {"backend": "CPU", "numThread": threads, "precision": level}
        )
        self.input = self.net.getSessionInput(self.session)
        self.output = self.net.getSessionOutput(self.session)
        self.images = self._host(images)
        self.host = self._host(np.empty(self.output.getShape(), np.float32))

    def _host(self, array):
        layout = self.MNN.Tensor_DimensionType_Caffe
        return self.MNN.Tensor(array.shape, self.MNN.Halide_Type_Float, array, layout)

    def run(self):
        self.input.copyFrom(self.images)
        self.net.runSession(self.session)
        self.output.copyToHostTensor(self.host)
        return np.array(self.host.getData(), np.float32).reshape(self.output.getShape())


class OpenCv:
    def __init__(self, layers, images, threads, precision, folder):
        import cv2

        self.version, self.images = cv2.__version__, images
        need(precision, "fp32")
        cv2.setNumThreads(threads)
        path = os.path.join(folder, "model.onnx")
        model_files.write_onnx(layers, path, len(images))
        self.net = cv2.dnn.readNetFromONNX(path)
        self.net.enableWinograd(True)

    def run(self):
        self.net.setInput(self.images)
        return self.net.forward()


# By the name that rows and the command line have; the module that it needs.
ENGINES = {
    "pytorch": (PyTorch, "torch"),
    "pytorch-channels-last": (PyTorchChannelsLast, "torch"),
    "pytorch-compiled": (PyTorchCompiled, "torch"),
    "pytorch-cuda": (PyTorchCuda, "torch"),
    "pytorch-cuda-compiled": (PyTorchCudaCompiled, "torch"),
    "onnxruntime": (OnnxRuntime, "onnxruntime"),
    "openvino": (OpenVino, "openvino"),
    "ncnn": (Ncnn, "ncnn"),
    "mnn": (Mnn, "MNN"),
    "opencv": (OpenCv, "cv2"),
}
