"""The network in the formats that engines read, written without any framework."""

import numpy as np

from network import SIZE


def write_onnx(layers, path, batch):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, value = [], [], "input"

    def constant(name, array):
        constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(op, inputs, name, **attributes):
        nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    flat = False
    for layer in layers:
        if layer.kind == "pool":
            value = node("MaxPool", [value], layer.name, kernel_shape=[2, 2], strides=[2, 2])
            continue
        parts = [
            constant(f"{layer.name}.weight", layer.weight),
            constant(f"{layer.name}.bias", layer.bias),
        ]
        if layer.kind == "conv":
            value = node(
                "Conv", [value, *parts], layer.name, kernel_shape=[3, 3], pads=[1, 1, 1, 1]
            )
        else:
            if not flat:
                value, flat = node("Flatten", [value], "flatten", axis=1), True
            value = node("Gemm", [value, *parts], layer.name, transB=1)
        if layer.relu:
            value = node("Relu", [value], f"{layer.name}.relu")
    classes = layers[-1].bias.size
    graph = helper.make_graph(
        nodes,
        "vgg",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, 3, SIZE, SIZE])],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, [batch, classes])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)


def quantize_onnx(path, quantized_path, images):
    """Static 8 bits, scales a channel of weights; activations calibrated on the images themselves,
    which is the best that calibration can do for them."""
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    class Reader:
        batches = [{"input": images}]

        def get_next(self):
            return self.batches.pop() if self.batches else None

    quantize_static(
        path,
        quantized_path,
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )


def write_ncnn(layers, param_path, bin_path):
    """ncnn's own text of layers, and its weights one after the other: 0 says that they are raw."""
    lines = [f"Input input 0 1 input 0={SIZE} 1={SIZE} 2=3"]
    value, flat = "input", False
    with open(bin_path, "wb") as weights:
        for layer in layers:
            if layer.kind == "pool":
                lines.append(f"Pooling {layer.name} 1 1 {value} {layer.name} 0=0 1=2 2=2")
                value = layer.name
                continue
            count, outputs = layer.weight.size, layer.bias.size
            activation = " 9=1" if layer.relu else ""
            if layer.kind == "conv":
                what, options = "Convolution", f"0={outputs} 1=3 4=1 5=1 6={count}{activation}"
            else:
                what, options = "InnerProduct", f"0={outputs} 1=1 2={count}{activation}"
                if not flat:
                    lines.append(f"Flatten flatten 1 1 {value} flatten")
                    value, flat = "flatten", True
            lines.append(f"{what} {layer.name} 1 1 {value} {layer.name} {options}")
            value = layer.name
            weights.write(b"\0\0\0\0")
            weights.write(np.ascontiguousarray(layer.weight).tobytes())
            weights.write(np.ascontiguousarray(layer.bias).tobytes())
    with open(param_path, "w", encoding="ascii") as param:
        param.write(f"7767517\n{len(lines)} {len(lines)}\n" + "\n".join(lines) + "\n")
    return value
