"""Several threads, forked workers, and Ctrl-C."""

import multiprocessing
import os
import signal
import threading
import time

import numpy as np
import pytest
from conftest import DIGITS

import lamina

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@pytest.fixture
def session(digits, batch):
    session = lamina.Session(digits, device="cpu", threads=2)
    session.run(batch)  # the pool has threads, which a child has not
    return session


def test_threads_of_one_session_take_turns(session, batch):
    inputs = [np.roll(batch, i, axis=0) for i in range(6)]
    expected = [session.run(x) for x in inputs]
    wrong = []

    def work(i):
        for _ in range(20):
            if not np.array_equal(session.run(inputs[i]), expected[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_threads_with_a_session_each_share_the_model(digits, batch):
    expected = lamina.Session(digits, device="cpu").run(batch)
    results = []

    def work():
        results.append(lamina.Session(digits, device="cpu", threads=1).run(batch))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4 and all(np.array_equal(result, expected) for result in results)


def repeated_for(session, batch, seconds):
    """The batch as often as it takes the session, however fast, to run for so long."""
    session.run(batch)
    start = time.perf_counter()
    session.run(batch)
    times = 1 + int(seconds / (time.perf_counter() - start))
    return np.concatenate([batch] * times)


def test_other_threads_run_while_a_batch_does(session, batch):
    long = repeated_for(session, batch, 0.5)
    ticks = []
    stop = threading.Event()

    def tick():
        while not stop.wait(0.001):
            ticks.append(time.perf_counter())

    thread = threading.Thread(target=tick)
    thread.start()
    start = time.perf_counter()
    session.run(long)
    end = time.perf_counter()
    stop.set()
    thread.join()
    # With the GIL held there would be none, on however busy a machine.
    during = sum(start < at < end for at in ticks)
    assert during > 2, f"{during} ticks in {end - start} s"


SHARED = {}


def run_shared(i):
    return SHARED["session"].run(SHARED["batch"][i : i + 1])


def make_and_run(i):
    session = lamina.Session(SHARED["model"], device="cpu", threads=2)
    return session.run(SHARED["batch"][i : i + 1])


@pytest.mark.parametrize("task", [run_shared, make_and_run])
def test_forked_workers_use_the_parents_session(digits, session, batch, task):
    SHARED.update(session=session, batch=batch, model=digits)
    expected = session.run(batch)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        rows = pool.map_async(task, range(10)).get(timeout=60)
    assert np.array_equal(np.concatenate(rows), expected)
    assert np.array_equal(session.run(batch), expected)  # the parent goes on


def in_child(function):
    """The status of a child that ran it: 0 fine, 14 hung."""
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        status = 1
        try:
            status = 0 if function() else 2
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    return status


def test_fork_waits_for_threads_that_run(digits, session, batch):
    expected = session.run(batch)
    stop = threading.Event()

    def work():
        while not stop.is_set():
            session.run(batch)
            lamina.Session(digits, device="cpu", precision="bf16", threads=2).run(batch)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):

            def both():
                again = lamina.Session(digits, device="cpu", threads=2).run(batch)
                return np.array_equal(session.run(batch), expected) and np.array_equal(
                    again, expected
                )

            assert in_child(both) == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_fork_from_a_signal_handler_inside_run(digits, batch):
    """The child's session is in the middle of a run: a clear error, no hang; nor do threads that
    wait for the session hold the fork up."""
    session = lamina.Session(digits, device="cpu", threads=1, max_batch=1)
    long = repeated_for(session, batch, 0.8)
    messages = []

    def handler(*_):
        def refused():
            try:
                session.run(batch)
            except lamina.Error as error:
                return "inside of run()" in str(error)
            return False

        messages.append((refused(), in_child(refused)))

    waiting = threading.Timer(0.05, session.run, args=(batch,))
    before = signal.signal(signal.SIGALRM, handler)
    try:
        waiting.start()
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        session.run(long)
    finally:
        signal.signal(signal.SIGALRM, before)
    waiting.join()
    assert messages == [(True, 0)]


INTERRUPTED = """
import sys, lamina, numpy as np
session = lamina.Session(lamina.load_model(sys.argv[1]), device="cpu", threads=1, max_batch=2)
batch = np.zeros((40000, 3, 32, 32), np.float32)
session.run(batch[:2])
{before}
print("ready")
try:
    session.run(batch)
except KeyboardInterrupt:
    print("interrupted", session.run(batch[:2]).shape)
    import os
    os._exit(3)  # not waiting for other threads
"""
IN_ANOTHER_THREAD = """
import threading, time
threading.Thread(target=session.run, args=(batch,), daemon=True).start()
time.sleep(0.2)
"""


def interrupt(script, text):
    process = script(text, DIGITS)
    assert process.stdout.readline() == "ready\n", process.stderr.read()
    time.sleep(0.5)
    start = time.perf_counter()
    process.send_signal(signal.SIGINT)
    return process, start


def test_ctrl_c_ends_a_long_batch_and_the_session_goes_on(script):
    process, start = interrupt(script, INTERRUPTED.format(before=""))
    assert process.stdout.readline() == "interrupted (2, 10)\n"
    assert time.perf_counter() - start < 2
    assert process.wait(10) == 3


def test_ctrl_c_ends_the_wait_for_another_thread(script):
    text = INTERRUPTED.format(before=IN_ANOTHER_THREAD)
    text = text.replace("session.run(batch[:2]).shape", "'waiting'")
    process, start = interrupt(script, text)
    assert process.stdout.readline() == "interrupted waiting\n"
    assert time.perf_counter() - start < 2
    assert process.wait(10) == 3
