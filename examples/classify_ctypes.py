#!/usr/bin/env python3
"""classify_ctypes.py LIBLAMINA.so MODEL.lamina PHOTO: its best five classes.

What examples/classify.c does, from Python's ctypes: no compiler, no package.
"""
import ctypes
import sys


class Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("dtype", ctypes.c_int), ("rank", ctypes.c_int32),
                ("shape", ctypes.c_int64 * 8), ("strides", ctypes.c_int64 * 8)]


class ClassScore(ctypes.Structure):
    _fields_ = [("index", ctypes.c_int64), ("probability", ctypes.c_float),
                ("logit", ctypes.c_float)]


def main(library, model_path, photo):
    c = ctypes.CDLL(library)
    c.lamina_last_error.restype = c.lamina_model_label.restype = ctypes.c_char_p

    def call(function, *arguments):
        if function(*arguments) != 0:
            sys.exit("classify_ctypes.py: error: " + c.lamina_last_error().decode())

    model, session = ctypes.c_void_p(), ctypes.c_void_p()
    call(c.lamina_model_load, model_path.encode(), ctypes.byref(model))
    call(c.lamina_session_create, model, None, ctypes.byref(session))

    shape = (ctypes.c_int64 * 4)(1, 0, 0, 0)
    call(c.lamina_model_input_shape, model, ctypes.byref(shape, 8))
    pixels = (ctypes.c_float * (shape[1] * shape[2] * shape[3]))()
    call(c.lamina_preprocess_file, model, photo.encode(), pixels, ctypes.c_size_t(len(pixels)))

    batch, logits = Tensor(), Tensor()
    call(c.lamina_tensor_contiguous, pixels, 0, 4, shape, ctypes.byref(batch))
    call(c.lamina_session_run, session, ctypes.byref(batch), ctypes.byref(logits))
    classes = logits.shape[1]
    best = (ClassScore * min(5, classes))()
    call(c.lamina_top_classes, ctypes.c_void_p(logits.data), ctypes.c_int64(classes),
         ctypes.c_int64(len(best)), best)
    for score in best:
        label = c.lamina_model_label(model, ctypes.c_int64(score.index)) or b""
        print(f"{score.index}\t{score.probability:.4f}\t{label.decode()}")

    c.lamina_session_free(session)
    c.lamina_model_free(model)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
