#!/usr/bin/env python3
"""serving_test.py BUILD: models served by NVIDIA's own server answer as vgg16-infer does, bit for bit.

Needs BUILD/bin and BUILD/backends. Makes BUILD/triton-venv (about 250 MB from PyPI); skipped, with
status 77, where it cannot.
"""
import concurrent.futures
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from server import ROOT, Server, enter_venv

DIGITS = ROOT / "models" / "data" / "digits.lamina"
PICTURES = ROOT / "models" / "data" / "digits"


def run(program, *arguments):
    subprocess.run([BUILD / "bin" / program, "-q", *map(str, arguments)], check=True)


class Serving(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = pathlib.Path(temporary.name)
        cls.make_repository(cls.folder / "models")
        cls.pixels, cls.logits = {}, {}
        for precision in ("fp32", "bf16", "int8"):
            cls.pixels, cls.logits[precision] = cls.expected(precision)
        cls.server = Server(BUILD, cls.folder / "models", cls.folder / "server.log")
        cls.addClassCleanup(lambda: cls.server.process.kill())
        cls.http = tritonclient.http.InferenceServerClient(cls.server.http)
        cls.grpc = tritonclient.grpc.InferenceServerClient(cls.server.grpc)

    @classmethod
    def make_repository(cls, repository):
        def add(name, *options, replace=("", "")):
            run("lamina-convert", "triton-repo", DIGITS, repository, "--name", name, *options)
            config = repository / name / "config.pbtxt"
            text = config.read_text()
            assert replace[0] in text
            config.write_text(text.replace(*replace))
            return config
        add("digits", "--instances", 2, "--device", "cpu")
        add("bf16", "--precision", "bf16")
        add("int8", "--precision", "int8", "--threads", 1)
        add("one_image", "--max-batch", 0)
        add("any_size", replace=("[3, 32, 32]", "[3, -1, -1]"))
        add("minimal").write_text('backend: "lamina"\n')
        add("no_config.lamina").unlink()
        add("bad_input", replace=("[3, 32, 32]", "[1, 32, 32]"))
        add("bad_type", replace=("TYPE_FP32", "TYPE_UINT8"))
        add("bad_output", replace=("[10]", "[1000]"))
        add("bad_precision", replace=('"fp32"', '"fp4"'))
        add("bad_parameter", replace=('"precision"', '"precison"'))
        add("too_small", replace=("[3, 32, 32]", "[3, 2, 2]"))
        add("no_file")
        (repository / "no_file" / "1" / "model.lamina").unlink()
        add("damaged")
        damaged = repository / "damaged" / "1" / "model.lamina"
        damaged.write_bytes(damaged.read_bytes()[:1000])

    @classmethod
    def expected(cls, precision):
        pixels, logits = cls.folder / "pixels.npy", cls.folder / "logits.npy"
        run("vgg16-infer", "-m", DIGITS, "--device", "cpu", "--precision", precision, "--format", "jsonl", "-o",
            cls.folder / "out.jsonl", "--save-input", pixels, "--logits-out", logits, PICTURES)
        return numpy.load(pixels), numpy.load(logits)

    def ask(self, model, pixels, client=None, datatype="FP32", name="input", output="logits"):
        client = client or self.http
        kind = tritonclient.grpc if client is self.grpc else tritonclient.http
        tensor = kind.InferInput(name, list(pixels.shape), datatype)
        tensor.set_data_from_numpy(pixels)
        return client.infer(model, [tensor], outputs=[kind.InferRequestedOutput(output)]).as_numpy(output)

    def assert_same_bits(self, found, expected):
        self.assertEqual(found.dtype, numpy.float32)
        self.assertEqual(found.shape, expected.shape)
        self.assertEqual(found.tobytes(), expected.tobytes())

    def refused(self, *parts, **arguments):
        for client in (self.http, self.grpc):
            with self.assertRaises(tritonclient.utils.InferenceServerException) as caught:
                self.ask(client=client, **arguments)
            for part in parts:
                self.assertIn(part, str(caught.exception))


class Answers(Serving):
    def test_over_http_and_grpc_are_those_of_vgg16_infer(self):
        for model, precision in {"digits": "fp32", "minimal": "fp32", "no_config.lamina": "fp32", "bf16": "bf16",
                                 "int8": "int8", "any_size": "fp32"}.items():
            for client in (self.http, self.grpc):
                for first, last in ((0, 1), (1, 4), (2, 10)):
                    with self.subTest(model=model, images=last - first, grpc=client is self.grpc):
                        self.assert_same_bits(self.ask(model, self.pixels[first:last], client),
                                              self.logits[precision][first:last])

    def test_without_a_batch_axis_are_one_image_s(self):
        for client in (self.http, self.grpc):
            self.assert_same_bits(self.ask("one_image", self.pixels[3], client), self.logits["fp32"][3])

    def test_name_the_classes(self):
        tensor = tritonclient.http.InferInput("input", [1, 3, 32, 32], "FP32")
        tensor.set_data_from_numpy(self.pixels[7:8])
        best = tritonclient.http.InferRequestedOutput("logits", class_count=2)
        answer = self.http.infer("digits", [tensor], outputs=[best]).as_numpy("logits")
        self.assertEqual(answer[0][0].decode().split(":")[1:], ["7", "7"])

    def test_to_images_in_shared_memory_are_the_same(self):
        from tritonclient.utils import shared_memory
        size = self.pixels[:8].nbytes
        region = shared_memory.create_shared_memory_region("pixels", f"/lamina_triton_test_{self.server.grpc_port}", size)
        try:
            shared_memory.set_shared_memory_region(region, [self.pixels[:8]])
            self.grpc.register_system_shared_memory("pixels", f"/lamina_triton_test_{self.server.grpc_port}", size)
            tensor = tritonclient.grpc.InferInput("input", [8, 3, 32, 32], "FP32")
            tensor.set_shared_memory("pixels", size)
            self.assert_same_bits(self.grpc.infer("digits", [tensor]).as_numpy("logits"), self.logits["fp32"][:8])
        finally:
            shared_memory.destroy_shared_memory_region(region)

    def test_to_many_clients_are_their_own_and_batches_are_counted(self):
        before = self.statistics("digits")
        threads, each = 16, 40

        def client(number):
            images = 0
            with tritonclient.http.InferenceServerClient(self.server.http) as own:  # they are of one thread
                for i in range(each):
                    first = (number + i) % 10
                    last = min(10, first + 1 + i % 3)
                    found = self.ask("digits", self.pixels[first:last], own)
                    self.assert_same_bits(found, self.logits["fp32"][first:last])
                    images += last - first
            return images

        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            images = sum(pool.map(client, range(threads)))
        after = self.statistics("digits")
        grown = {key: after[key] - before[key] for key in ("inference_count", "execution_count", "success", "fail")}
        self.assertEqual(grown["inference_count"], images)
        self.assertEqual(grown["success"], threads * each)
        self.assertEqual(grown["fail"], 0)
        self.assertLess(grown["execution_count"], threads * each)
        self.assertGreater(max(after["batches"]), 3, "no batch holds images of two clients")
        self.assertLessEqual(max(after["batches"]), 8)

    def statistics(self, model):
        (found,) = self.http.get_inference_statistics(model)["model_stats"]
        return {**{key: found[key] for key in ("inference_count", "execution_count")},
                **{key: found["inference_stats"][key]["count"] for key in ("success", "fail")},
                "batches": [0] + [batch["batch_size"] for batch in found["batch_stats"]]}


class Errors(Serving):
    def test_of_tensors_name_what_is_wrong(self):
        pixels = self.pixels[:1]
        self.refused("'input'", "FP64", "FP32", model="digits", pixels=pixels.astype("float64"), datatype="FP64")
        self.refused("'input'", "[-1,3,32,32]", "[1,1,32,32]", model="digits", pixels=pixels[:, :1].copy())
        self.refused("'input'", "[3,32,32]", model="digits", pixels=pixels[0])
        self.refused("'picture'", model="digits", pixels=pixels, name="picture")
        self.refused("'classes'", model="digits", pixels=pixels, output="classes")
        self.refused("<= 8", model="digits", pixels=numpy.repeat(pixels, 9, axis=0))
        self.refused("'dogs'", model="dogs", pixels=pixels)
        # Where the configuration leaves the size open, the model itself answers.
        self.refused("[1, 3, 2, 2]", "smaller than the 2x2 window", model="any_size", pixels=numpy.zeros((1, 3, 2, 2), "float32"))
        self.assert_same_bits(self.ask("digits", pixels), self.logits["fp32"][:1])

    def test_of_a_body_that_is_cut_short(self):
        header = b'{"inputs":[{"name":"input","shape":[1,3,32,32],"datatype":"FP32","parameters":{"binary_data_size":12}}]}'
        request = urllib.request.Request(f"http://{self.server.http}/v2/models/digits/infer", header + bytes(12),
                                         {"Inference-Header-Content-Length": str(len(header))})
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        self.assertEqual(caught.exception.code, 400)
        self.assertIn("12288", caught.exception.read().decode())

    def test_of_configurations_say_why_a_model_is_not_served(self):
        reasons = {model["name"]: model["reason"] for model in self.http.get_model_repository_index()
                   if model.get("state") == "UNAVAILABLE"}
        for name, parts in {"bad_input": ["[1, 32, 32]", "3 channels"],
                            "bad_type": ["TYPE_UINT8", "TYPE_FP32"],
                            "bad_output": ["[1000]", "[10]"],
                            "bad_precision": ["'fp4' is not a precision"],
                            "bad_parameter": ["'precison'", "precision and threads"],
                            "too_small": ["[3, 2, 2]", "smaller than the 2x2 window"],
                            "no_file": ["cannot open", "no_file/1/model.lamina"],
                            "damaged": ["damaged/1/model.lamina"]}.items():
            for part in parts:
                self.assertIn(part, reasons.pop(name, "") if part is parts[-1] else reasons.get(name, ""))
        self.assertEqual(reasons, {})


class Ends(Serving):
    def test_a_killed_server_loses_nothing_and_comes_back(self):
        outcomes, stop = [], threading.Event()

        def client():
            with tritonclient.grpc.InferenceServerClient(self.server.grpc) as own:
                tensor = tritonclient.grpc.InferInput("input", [1, 3, 32, 32], "FP32")
                tensor.set_data_from_numpy(self.pixels[5:6])
                while not stop.is_set():
                    try:
                        found = own.infer("digits", [tensor], client_timeout=20).as_numpy("logits")
                        outcomes.append(found.tobytes() == self.logits["fp32"][5:6].tobytes())
                    except tritonclient.utils.InferenceServerException as error:
                        outcomes.append(str(error))
                        time.sleep(0.2)

        threads = [threading.Thread(target=client) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        self.assertEqual(self.server.kill(), -9)
        time.sleep(0.5)
        at_restart = len(outcomes)
        self.server.start()
        time.sleep(3)  # gRPC's channels wait before they try again
        stop.set()
        for thread in threads:
            thread.join(30)
        # Each request was answered rightly, or by an error that says that there is no server.
        self.assertNotIn(False, outcomes)
        self.assertIn("UNAVAILABLE", " ".join(o for o in outcomes[:at_restart] if o is not True))
        self.assertIs(outcomes[-1], True, "no answers after the restart")
        self.assert_same_bits(self.ask("digits", self.pixels[:8]), self.logits["fp32"][:8])

    def test_a_stopped_server_ends_well(self):
        # It would wait for half a minute for connections that are kept open.
        self.http.close()
        self.grpc.close()
        self.assertEqual(self.server.stop(), 0, self.server.text()[-3000:])
        self.assertIn("lamina 0.", self.server.text())
        self.assertIn("cpu, 1 threads, int8", self.server.text())


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    BUILD = pathlib.Path(sys.argv[1]).resolve()
    enter_venv(BUILD / "triton-venv")
    import numpy
    import tritonclient.grpc
    import tritonclient.http
    import tritonclient.utils
    import urllib.error
    import urllib.request
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
