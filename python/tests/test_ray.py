"""Images on many machines: two raylets on loopback stand for them, started here.

Every image must be in the output once, with the bits that one process gives, whatever dies.
"""

import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np
import pytest
from conftest import DIGITS, PICTURES

pytest.importorskip("ray")
parquet = pytest.importorskip("pyarrow.parquet")

import pyarrow  # noqa: E402
import pyarrow.dataset  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402

import lamina  # noqa: E402
from lamina.ray.inputs import list_images, shown  # noqa: E402
from lamina.ray.output import part_name, schema_of, write_part  # noqa: E402
from lamina.ray.stages import Classifier, Settings, decode  # noqa: E402

COPIES = 30
BLOCK = 4


@pytest.fixture(scope="module")
def home():
    """Short, since Ray's sockets lie below it."""
    folder = tempfile.mkdtemp(prefix="lamina-")
    before = os.environ.copy()
    os.environ.update(HOME=folder, RAY_USAGE_STATS_ENABLED="0")
    yield pathlib.Path(folder)
    os.environ.clear()
    os.environ.update(before)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def cluster(home):
    machine = {"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=machine | {"temp_dir": str(home)})
    cluster.machine = {key: machine[key] for key in ("num_cpus", "object_store_memory")}
    cluster.add_node(**cluster.machine)
    cluster.wait_for_nodes()
    yield cluster
    cluster.shutdown()


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Three hundred digits, a file that is cut short, and one that is none."""
    folder = tmp_path_factory.mktemp("photos")
    for copy in range(COPIES):
        for picture in PICTURES:
            shutil.copy(picture, folder / f"{copy:02}-{picture.name}")
    (folder / "cut.png").write_bytes(PICTURES[0].read_bytes()[:100])
    (folder / "text.jpg").write_text("not a picture")
    return folder


@pytest.fixture(scope="module")
def expected():
    """The digits' logits of one process, each alone."""
    model = lamina.load_model(DIGITS)
    session = lamina.Session(model, "cpu", threads=1)
    alone = [session.run(lamina.preprocess(path, model.transforms)[None])[0] for path in PICTURES]
    return {path.name: logits for path, logits in zip(PICTURES, alone)}


def start(*arguments, cluster=None):
    command = [sys.executable, "-m", "lamina.ray", *map(str, arguments)]
    if cluster:
        command += ["-m", str(DIGITS), "--logits", "--block", str(BLOCK), "--batch", "3"]
        command += ["--address", cluster.address]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(process, status):
    try:
        out, err = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.kill()
        pytest.fail(process.communicate()[1][-4000:])
    assert process.returncode == status, err
    assert "Traceback" not in err and not out
    return err


def parts(folder):
    return sorted(folder.glob("part-*.parquet"))


def wait_for_parts(folder, count, process):
    give_up = time.monotonic() + 120
    while len(parts(folder)) < count and time.monotonic() < give_up:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)


def actors(cluster):
    """The classifying processes, children of our raylets: {pid: raylet}."""
    nodes = cluster.list_all_nodes()
    raylets = {node.all_processes["raylet"][0].process.pid: node for node in nodes}
    found = {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            title = (folder / "cmdline").read_text()
        except OSError:
            continue
        if parent in raylets and title.startswith("ray::MapWorker"):
            found[int(folder.name)] = raylets[parent]
    return found


def check(folder, photos, expected):
    """Each image once; each good one with the bits of one process."""
    rows = pyarrow.dataset.dataset(parts(folder)).to_table().to_pylist()
    assert sorted(row["path"] for row in rows) == sorted(map(str, photos.iterdir()))
    assert not list(folder.glob(".*"))
    for row in rows:
        name = os.path.basename(row["path"])
        if name in ("cut.png", "text.jpg"):
            assert not row["ok"] and row["path"] in row["error"]
            assert row["top"] is row["logits"] is row["width"] is None
            continue
        assert row["ok"] and row["error"] is None, row
        logits = expected[name[3:]]
        assert np.float32(row["logits"]).tobytes() == logits.tobytes()
        assert row["top"][0]["index"] == int(logits.argmax()) == int(row["top"][0]["label"])
        assert (row["width"], row["height"], len(row["top"])) == (8, 8, 5)


# These kill something while it works, which takes long or hangs on when it is caught at it.
full = pytest.mark.skipif(os.environ.get("LAMINA_TEST_RAY") != "full", reason="tools/check_ray")


@full
def test_a_killed_worker_loses_nothing(cluster, photos, tmp_path, expected):
    process = start(photos, tmp_path / "out", cluster=cluster)
    wait_for_parts(tmp_path / "out", 5, process)
    working = actors(cluster)
    assert len(set(working.values())) == 2  # both machines work
    os.kill(next(iter(working)), signal.SIGKILL)
    assert len(parts(tmp_path / "out")) < 70  # of 76
    assert "302 images, 302 done, 2 of them failed" in end(process, 1)
    check(tmp_path / "out", photos, expected)


@full
def test_a_dead_machine_loses_nothing(cluster, photos, tmp_path, expected):
    process = start(photos, tmp_path / "out", cluster=cluster)
    wait_for_parts(tmp_path / "out", 5, process)
    cluster.remove_node(cluster.list_all_nodes()[-1], allow_graceful=False)
    assert len(parts(tmp_path / "out")) < 70
    end(process, 1)
    cluster.add_node(**cluster.machine)
    cluster.wait_for_nodes()
    check(tmp_path / "out", photos, expected)


@full
def test_a_killed_run_goes_on_from_what_is_written(cluster, photos, tmp_path, expected):
    out = tmp_path / "out"
    process = start(photos, out, cluster=cluster)
    wait_for_parts(out, 5, process)
    process.kill()
    process.communicate()
    before = {part: part.stat().st_ino for part in parts(out)}
    (out / ".part-0.parquet.host.1.tmp").write_text("of a worker that was killed")
    again = end(start(photos, out, cluster=cluster), 1)
    assert "302 images, " in again and " had a row, " in again
    check(out, photos, expected)
    # Not one was written again, but what was in work when the run was killed.
    changed = [part for part, inode in before.items() if part.stat().st_ino != inode]
    assert not changed
    # All is done, the failed ones too: now it takes no worker.
    assert "302 had a row, 0 done" in end(start(photos, out, cluster=cluster), 0)


def test_new_images_are_added_to_old_answers(cluster, photos, tmp_path, expected):
    out, some = tmp_path / "out", tmp_path / "some.txt"
    names = sorted(map(str, photos.glob("*-digit-*")))
    some.write_text("\n".join(names[1::3]))
    end(start(f"@{some}", out, cluster=cluster), 0)
    end(start(photos, photos / "cut.png", out, cluster=cluster), 1)
    check(out, photos, expected)
    # Answers of another kind are not mixed with these.
    other = start(photos, out, "--address", cluster.address, "-m", DIGITS, "-k", 3, "--logits")
    assert "holds answers with topk 5, this run has 3: name another folder" in end(other, 2)


def test_a_full_disk_is_said_and_loses_nothing(cluster, photos, tmp_path, expected):
    out = tmp_path / "out"
    out.mkdir()

    def mount(options):
        return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", out]).returncode == 0

    if not mount("size=100k"):
        pytest.skip("needs the right to mount a small disk")
    try:
        message = end(start(photos, out, cluster=cluster), 1)
        assert f"lamina.ray: error: No space left on device: {out}/part-" in message
        assert "hint: started again, it goes on" in message
        assert 0 < len(parts(out)) < 76
        assert mount("remount,size=10m")
        assert " had a row, " in end(start(photos, out, cluster=cluster), 1)
        check(out, photos, expected)
    finally:
        subprocess.run(["umount", "-l", out], check=True)


# Without a cluster.


def test_a_part_that_cannot_be_written_leaves_nothing(tmp_path):
    """A limit on files' sizes stands for the full disk where none can be made."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    rows = [{"path": "a.png", "ok": False, "error": "e"}]
    schema = schema_of({"logits": False})
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large: .*part-a.parquet"):
            write_part(rows, schema, str(tmp_path), "part-a.parquet")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert not list(tmp_path.iterdir())
    write_part(rows, schema, str(tmp_path), "part-a.parquet")
    assert parquet.read_table(tmp_path / "part-a.parquet").num_rows == 1


def test_a_part_has_the_name_of_its_images():
    assert part_name(["a", "b"]) == part_name(["a", "b"])
    assert len({part_name(names) for names in (["a", "b"], ["b", "a"], ["a"], ["ab"])}) == 4


def test_inputs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.JPG", "a.png", "notes.txt", ".hidden.png", "sub/c.gif", "sub/.d/e.png"):
        pathlib.Path(name).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(name).touch()
    os.symlink(tmp_path, "sub/up")
    pathlib.Path("list.txt").write_text("x.png\n\nsub/c.gif\n")
    here = str(tmp_path)
    assert list_images(["."]) == [f"{here}/a.png", f"{here}/b.JPG"]
    assert list_images(["."], True) == [f"{here}/a.png", f"{here}/b.JPG", f"{here}/sub/c.gif"]
    assert list_images(["@list.txt", "sub", "notes.txt"]) == [
        f"{here}/notes.txt", f"{here}/sub/c.gif", f"{here}/x.png"]  # fmt: skip
    assert shown(os.fsdecode(b"caf\xe9.png")) == "caf\\xe9.png"


def test_a_worker_whose_model_is_another_says_so(tmp_path):
    settings = Settings(str(DIGITS), "", "of the driver's", "fp32", 5, False, 8, 1)
    block = decode(pyarrow.table({"file": [os.fsencode(PICTURES[0])]}), {})
    (report,) = Classifier(settings, str(tmp_path))(block).to_pylist()
    assert report["problem"] == f"[ray] not the file that the driver has: {DIGITS}"
    assert not list(tmp_path.iterdir())


def test_statuses(tmp_path):
    assert "usage: python -m lamina.ray" in end(start(tmp_path), 2)
    message = end(start(tmp_path, tmp_path / "out", "-m", tmp_path / "none.lamina", "-q"), 3)
    assert message.startswith("lamina.ray: error: ") and "none.lamina" in message
    end(start(tmp_path, tmp_path / "out", "-m", DIGITS, "-w", "random:0", "-q"), 2)
