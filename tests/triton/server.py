"""NVIDIA Triton's server for tests: from PyPI, in a virtual environment of its own, on loopback."""
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

# The wheel of PyTriton holds the server itself; PyPI's "tritonserver" is a placeholder.
SERVER = "nvidia-pytriton==0.7.0"
CLIENT = ["tritonclient[http,grpc]==2.73.0", "numpy==2.4.6"]
SKIPPED = 77
ROOT = pathlib.Path(__file__).resolve().parents[2]


def enter_venv(folder):
    """Goes on in a virtual environment that has the server and its client, which is made where it is
    not there yet; ends with status 77 where PyPI does not give them."""
    python = folder / "bin" / "python"
    if pathlib.Path(sys.prefix) == folder:
        return
    wanted, found = " ".join([SERVER, *CLIENT]), folder / "packages"
    if not found.exists() or found.read_text() != wanted:
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        # Of the server's own dependencies, which are for its Python side, none is needed.
        for command in ([sys.executable, "-m", "venv", "--clear", folder], [*pip, *CLIENT], [*pip, "--no-deps", SERVER]):
            run = subprocess.run(command, capture_output=True, text=True)
            if run.returncode != 0:
                reason = (run.stderr.strip() or run.stdout.strip()).splitlines()[-1:]
                print(f"skipped: Triton's server could not be installed from PyPI: {' '.join(reason)}")
                sys.exit(SKIPPED)
        found.write_text(wanted)
    os.execv(python, [python, *sys.argv])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server of one repository. Its ports stay the same over kill() and start()."""

    def __init__(self, build, repository, log):
        self.build, self.repository, self.log = build, repository, log
        self.http_port, self.grpc_port = free_port(), free_port()
        self.process = None
        self.start()

    @property
    def http(self):
        return f"127.0.0.1:{self.http_port}"

    @property
    def grpc(self):
        return f"127.0.0.1:{self.grpc_port}"

    def start(self, patience_s=60):
        (server,) = pathlib.Path(sys.prefix).glob("lib/python*/site-packages/pytriton/tritonserver/bin/tritonserver")
        command = [server, "--model-repository", self.repository, "--backend-directory", self.build / "backends",
                   "--http-address", "127.0.0.1", "--http-port", str(self.http_port),
                   "--grpc-address", "127.0.0.1", "--grpc-port", str(self.grpc_port),
                   "--allow-metrics", "false", "--exit-on-error", "false", "--strict-readiness", "false"]
        with open(self.log, "ab") as log:
            # No GPU: what is compared here is the processor's.
            self.process = subprocess.Popen(command, stdout=log, stderr=log,
                                            env={**os.environ, "CUDA_VISIBLE_DEVICES": ""})
        self.wait_until_ready(patience_s)

    def wait_until_ready(self, patience_s):
        import tritonclient.http
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with status {self.process.returncode}: {self.log}")
            try:
                with tritonclient.http.InferenceServerClient(self.http) as client:
                    if client.is_server_ready():
                        return
            except OSError:
                pass
            time.sleep(0.05)
        raise RuntimeError(f"the server is not ready after {patience_s} s: {self.log}")

    def kill(self):
        """As the kernel does it where memory is short: nothing can be said or saved."""
        self.process.kill()
        return self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def text(self):
        return self.log.read_text(errors="replace")
