"""Writes tests/data/pickles/hostile.json: pickles that would run something, in every disguise known.

    python3 tests/serialization/make_hostile_pickles.py
Needs nothing but Python. The commands are `true` and the like: a reader that fell for one would do no
harm. tests/data/pickles/README.md says how the file is to be read.
"""
import io
import json
import pathlib
import pickle
import struct
import zipfile

OUT = pathlib.Path(__file__).parents[1] / "data" / "pickles" / "hostile.json"
entries = []


# --- an assembler of pickles --------------------------------------------------------------------


def glob(name, attribute=None):
    module, attribute = (name, attribute) if attribute else name.rsplit(".", 1)
    return f"c{module}\n{attribute}\n".encode()


def text(s):
    return b"X" + struct.pack("<I", len(s.encode())) + s.encode()


def short(s):
    return b"\x8c" + bytes([len(s)]) + s.encode()


def put(value):
    """The opcodes that push a value."""
    if isinstance(value, Raw):
        return bytes(value)
    if isinstance(value, str):
        return text(value)
    file = io.BytesIO()
    pickler = pickle.Pickler(file, 2)
    pickler.fast = True  # leaves the memo alone
    pickler.dump(value)
    return file.getvalue()[2:-1]


class Raw(bytes):
    """Opcodes as they are."""


def tup(*items):
    return b"(" + b"".join(put(item) for item in items) + b"t"


def call(name, *arguments):
    """REDUCE: calls the global with the arguments."""
    return Raw(glob(name) + tup(*arguments) + b"R")


def dictionary(*items):
    return Raw(b"}(" + b"".join(put(item) for item in items) + b"u")


def pickled(*opcodes, protocol=2):
    return b"\x80" + bytes([protocol]) + b"".join(opcodes) + b"."


STORAGE = tup("storage", Raw(glob("torch.FloatStorage")), "0", "cpu", 2) + b"Q"


def tensor(storage=STORAGE, hooks=Raw(glob("collections.OrderedDict") + b")R"), rebuild="torch._utils._rebuild_tensor_v2"):
    """The tensor w of every honest file here: float32 [1, 2]."""
    return Raw(glob(rebuild) + tup(Raw(storage), 0, Raw(tup(2)), Raw(tup(1)), False, hooks) + b"R")


def persistent(kind="storage", storage_type=Raw(glob("torch.FloatStorage")), key="0", location="cpu", count=2):
    return Raw(tup(kind, storage_type, key, location, count) + b"Q")


# --- what holds them ----------------------------------------------------------------------------


def enter(name, data, outcome, *texts, where="pickle zip legacy tar"):
    """where: what the test is to wrap the pickle in; `file` for data that is a whole file."""
    names = [entry["name"] for entry in entries]
    assert name not in names, name
    entries.append({"name": name, "in": where.split(), "outcome": outcome, "texts": list(texts), "hex": bytes(data).hex()})


def named(name, *opcodes, texts, where="pickle zip legacy tar", protocol=2):
    enter(name, pickled(*opcodes, protocol=protocol), "named", *([texts] if isinstance(texts, str) else texts), where=where)


def harmless(name, *opcodes, where="zip legacy", protocol=2):
    enter(name, pickled(*opcodes, protocol=protocol), "harmless", where=where)


def zip_file(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data)
    return file.getvalue()


def legacy_parts(obj):
    info = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    return [pickle.dumps(0x1950A86A20F9469CFC6C, 2), pickle.dumps(1001, 2), pickle.dumps(info, 2), obj, pickle.dumps(["0"], 2)]


BYTES = struct.pack("<2f", 1, 2)
STORED = struct.pack("<q", 2) + BYTES
HONEST = pickled(dictionary("w", tensor()))
SYSTEM = call("os.system", "true")


# --- calls of every kind ------------------------------------------------------------------------

CALLS = [
    ("os.system", "true"), ("posix.system", "true"), ("nt.system", "true"), ("os.popen", "true"), ("os.execv", "/bin/true", Raw(tup("true"))),
    ("os.execvp", "true", Raw(tup("true"))), ("os.spawnlp", 0, "true", "true"), ("os.posix_spawn", "/bin/true", Raw(tup("true")), {}),
    ("posix.posix_spawn", "/bin/true", Raw(tup("true")), {}), ("os.fork",), ("os.kill", 0, 0), ("os.remove", "/nonexistent"),
    ("os.putenv", "LAMINA", "1"), ("os.path.exists", "/"), ("posixpath.exists", "/"), ("os.open", "/dev/null", 0), ("os.startfile", "true"),
    ("builtins.eval", "1"), ("builtins.exec", "1"), ("builtins.compile", "1", "", "eval"), ("builtins.open", "/dev/null"),
    ("builtins.getattr", "x", "upper"), ("builtins.setattr", "x", "y", 1), ("builtins.delattr", "x", "y"), ("builtins.__import__", "os"),
    ("builtins.globals",), ("builtins.vars",), ("builtins.dir",), ("builtins.input",), ("builtins.breakpoint",), ("builtins.print", "x"),
    ("builtins.map", Raw(glob("os.system")), Raw(tup("true"))), ("builtins.filter", Raw(glob("os.system")), Raw(tup("true"))),
    ("builtins.apply", Raw(glob("os.system")), Raw(tup("true"))), ("builtins.type", "T", Raw(b")"), {}), ("builtins.super",),
    ("builtins.memoryview", 1), ("builtins.iter", Raw(glob("os.getpid")), 1), ("builtins.sorted", Raw(tup("true"))),
    ("__builtin__.eval", "1"), ("__builtin__.execfile", "/dev/null"), ("__builtin__.apply", Raw(glob("os.getpid")), Raw(b")")),
    ("__builtin__.file", "/dev/null"), ("__builtin__.reload", "os"),
    ("subprocess.Popen", "true"), ("subprocess.run", "true"), ("subprocess.call", "true"), ("subprocess.check_call", "true"),
    ("subprocess.check_output", "true"), ("subprocess.getoutput", "true"), ("subprocess.getstatusoutput", "true"),
    ("_posixsubprocess.fork_exec",), ("commands.getoutput", "true"), ("popen2.popen2", "true"),
    ("asyncio.create_subprocess_shell", "true"), ("asyncio.subprocess.create_subprocess_exec", "true"),
    ("asyncio.unix_events._UnixSubprocessTransport._start", "true"), ("multiprocessing.util.spawnv_passfds", "/bin/true", [], []),
    ("multiprocessing.Process",), ("concurrent.futures.process._process_worker",), ("threading.Thread",), ("pty.spawn", "true"),
    ("runpy.run_path", "/dev/null"), ("runpy.run_module", "this"), ("runpy._run_code", "1"), ("importlib.import_module", "this"),
    ("importlib.reload", "os"), ("importlib.util.spec_from_file_location", "x", "/dev/null"), ("imp.load_source", "x", "/dev/null"),
    ("pkgutil.resolve_name", "os:system"), ("pydoc.locate", "os.system"), ("pydoc.pipepager", "x", "true"), ("pydoc.tempfilepager", "x", "true"),
    ("zipimport.zipimporter", "/dev/null"), ("site.main",), ("code.interact",), ("code.InteractiveInterpreter",), ("codeop.compile_command", "1"),
    ("timeit.timeit", "1"), ("timeit.main",), ("cProfile.run", "1"), ("cProfile.runctx", "1", {}, {}), ("profile.run", "1"),
    ("profile.Profile.run", "1"), ("trace.Trace",), ("bdb.Bdb", "1"), ("bdb.Bdb.run", "1"), ("pdb.run", "1"), ("pdb.Pdb",), ("pdb.main",),
    ("doctest.debug_script", "1"), ("doctest.testmod",), ("unittest.main",), ("unittest.mock._importer", "os"), ("test.support.script_helper.assert_python_ok",),
    ("dis.dis", "1"), ("ast.literal_eval", "1"), ("types.CodeType",), ("types.FunctionType",), ("marshal.loads", b""), ("sys.exit", 0),
    ("sys.setprofile", 0), ("sys.modules.get", "os"), ("signal.raise_signal", 0), ("gc.get_objects",), ("inspect.getattr_static", "x", "y"),
    ("operator.attrgetter", "system"), ("operator.methodcaller", "system", "true"), ("operator.itemgetter", 0), ("_operator.attrgetter", "system"),
    ("functools.partial", Raw(glob("os.system")), "true"), ("functools.reduce", Raw(glob("os.system")), Raw(tup("true"))),
    ("_functools.partial", Raw(glob("os.system")), "true"), ("itertools.starmap", Raw(glob("os.system")), Raw(tup(Raw(tup("true"))))),
    ("webbrowser.open", "about:blank"), ("antigravity.webbrowser.open", "about:blank"), ("urllib.request.urlopen", "file:///dev/null"),
    ("urllib.urlopen", "file:///dev/null"), ("socket.create_connection", Raw(tup("127.0.0.1", 0))), ("_socket.socket",), ("http.client.HTTPSConnection", "localhost"),
    ("requests.api.get", "file:///dev/null"), ("smtplib.SMTP",), ("ftplib.FTP",), ("xmlrpc.client.ServerProxy", "http://localhost"), ("ssl.get_server_certificate", "x"),
    ("shutil.rmtree", "/nonexistent"), ("shutil.copyfile", "/dev/null", "/dev/null"), ("shutil.move", "/nonexistent", "/nonexistent"),
    ("pathlib.Path.unlink", "/nonexistent"), ("tempfile.mktemp",), ("glob.glob", "/"), ("io.open", "/dev/null"), ("_io.open", "/dev/null"),
    ("_io.FileIO", "/dev/null"), ("codecs.open", "/dev/null"), ("_codecs.lookup", "utf-8"), ("linecache.getlines", "/dev/null"), ("fileinput.input",),
    ("logging.config.dictConfig", {}), ("logging.FileHandler", "/dev/null"), ("sqlite3.connect", ":memory:"), ("dbm.open", "x"), ("shelve.open", "x"),
    ("tarfile.open", "/dev/null"), ("zipfile.ZipFile", "/dev/null"), ("ctypes.CDLL", "libc.so.6"), ("ctypes.cdll.LoadLibrary", "libc.so.6"),
    ("_ctypes.dlopen", "libc.so.6"), ("cffi.FFI",), ("platform.popen", "true"), ("venv.create", "x"), ("ensurepip._run_pip", []), ("pip.main", []),
    ("pip._internal.main", []), ("pip._internal.cli.main.main", []), ("setuptools.sandbox.run_setup", "x"), ("distutils.spawn.spawn", Raw(tup("true"))),
    ("idlelib.pyshell.ModifiedInterpreter.runcode", "1"), ("lib2to3.pgen2.grammar.Grammar.loads", b""), ("curses.wrapper",), ("tkinter.Tcl",),
    ("pickle.loads", HONEST), ("pickle.load",), ("_pickle.loads", HONEST), ("cPickle.loads", HONEST), ("pickle.Unpickler",), ("_pickle.Unpickler",),
    ("dill.loads", HONEST), ("cloudpickle.loads", HONEST), ("cloudpickle.cloudpickle._make_function",), ("joblib.load", "/dev/null"),
    ("numpy.load", "/dev/null"), ("numpy.testing._private.utils.runstring", "1", {}), ("numpy.testing.rundocs",), ("numpy.f2py.crackfortran.myeval", "1"),
    ("numpy.ma.core._mareconstruct",), ("numpy.memmap", "/dev/null"), ("numpy.fromfile", "/dev/null"), ("numpy.frombuffer", b""), ("pandas.read_pickle", "/dev/null"), ("pandas.eval", "1"),
    ("torch.load", "/dev/null"), ("torch.serialization.load", "/dev/null"), ("torch.hub.load", "x", "y"), ("torch.hub.load_state_dict_from_url", "x"),
    ("torch.jit.load", "/dev/null"), ("torch.classes.load_library", "x"), ("torch.ops.load_library", "x"), ("torch.utils.cpp_extension.load", "x", "y"),
    ("torch.utils._config_module.ConfigModule.load_config", b""), ("torch.utils.data.datapipes.utils.decoder.basichandlers", "pkl", HONEST),
    ("torch._inductor.codecache.compile_file", "x"), ("torch._inductor.runtime.compile_tasks._reload_python_module", "x"), ("torch.distributed.rpc.internal._run_function", "x"),
    ("torch._dynamo.guards.GuardBuilder.get", "x"), ("torch.fx.experimental.symbolic_shapes.ShapeEnv.evaluate_guards_expression", "1"),
    ("torch.utils.bottleneck.__main__.run_cprofile", "1"), ("torch.utils.collect_env.run", "true"), ("torch.fx.graph_module._forward_from_src", "1"),
    ("torch.fx.graph_module.reduce_graph_module", {}, "1"), ("torch.package.PackageImporter", "x"), ("torch.multiprocessing.reductions.rebuild_storage_fd",),
    ("torch.multiprocessing.reductions.rebuild_cuda_tensor",), ("torch.from_file", "/dev/null"), ("torch.FloatStorage.from_file", "/dev/null"), ("torch.UntypedStorage.from_file", "/dev/null"),
    ("torch.save", 1, "/dev/null"), ("torch._C._load_for_lite_interpreter",), ("torch.jit.unsupported_tensor_ops.execWrapper", "1", {}, {}),
    ("torch.storage._load_from_bytes", pickled(SYSTEM)), ("torch.tensor", [1.0]), ("torch.nn.Linear", 2, 2), ("torch.nn.modules.linear.Linear", 2, 2),
    ("copyreg._reconstructor", Raw(glob("os.system")), Raw(glob("builtins.object")), None), ("copy_reg._reconstructor", Raw(glob("os.system")), Raw(glob("__builtin__.object")), None),
    ("copyreg.__newobj__", Raw(glob("subprocess.Popen")), "true"), ("copyreg.__newobj_ex__", Raw(glob("subprocess.Popen")), Raw(tup("true")), {}),
    ("copyreg.add_extension", "os", "system", 1), ("collections.namedtuple", "T", "x"), ("collections.UserDict",),
    ("typing._GenericAlias",), ("typing.ForwardRef", "os"), ("typing.get_type_hints", "x"), ("dataclasses.make_dataclass", "T", []), ("enum.Enum", "x"),
    ("uuid._get_command_stdout", "true"), ("nturl2path.url2pathname", "x"), ("ntpath.exists", "x"),
]


def write_calls():
    for name, *arguments in CALLS:
        texts = name.rsplit(".", 1)[1]
        if not name.startswith(("__builtin__", "copy_reg", "cPickle")):  # a reader may print Python 3's name
            texts = name
        where = "pickle zip legacy"
        if name == "torch.storage._load_from_bytes":  # legal itself; what it loads is not
            texts, where = "os.system", "pickle zip"
        if name.startswith(("copyreg._", "copy_reg._")):  # is how protocols 0 and 1 write NEWOBJ
            enter(f"reduce {name}", pickled(call(name, *arguments)), "error", where=where)
        else:
            named(f"reduce {name}", call(name, *arguments), texts=texts, where=where)


# --- disguises ----------------------------------------------------------------------------------


def write_opcodes():
    system = glob("os.system")
    named("inst", b"(" + text("true") + b"ios\nsystem\n", texts="os.system")
    named("obj", b"(" + system + text("true") + b"o", texts="os.system")
    named("obj of an old class", b"(" + glob("subprocess.Popen") + text("true") + b"o", texts="subprocess.Popen")
    named("protocol 0", b"cos\nsystem\n(S'true'\ntR", texts="os.system", protocol=0)
    enter("protocol 0 without PROTO", b"cos\nsystem\n(S'true'\ntR.", "named", "os.system", where="pickle zip")
    enter("protocol 0 inst", b"(S'true'\nios\nsystem\n.", "named", "os.system", where="pickle zip")
    named("stack_global", short("os") + short("system") + b"\x93" + text("true") + b"\x85R", texts="os.system", protocol=4)
    named("stack_global in a frame", b"\x95\x19\0\0\0\0\0\0\0" + short("os") + short("system") + b"\x93" + text("true") + b"\x85R\x94",
          texts="os.system", protocol=4)
    named("stack_global of memoised names", short("system") + b"\x94" + short("os") + b"\x9400h\x01h\0\x93" + text("true") + b"\x85R",
          texts="os.system", protocol=4)
    named("stack_global of byte strings", b"U\x02osU\x06system\x93" + text("true") + b"\x85R", texts="os", protocol=4)
    named("stack_global of a call's result", call("os.getenv", "x") + short("system") + b"\x93" + text("true") + b"\x85R", texts="os.getenv", protocol=4)
    named("stack_global of numbers", b"K\x01K\x02\x93" + text("true") + b"\x85R", texts=[], protocol=4)
    named("stack_global of long opcodes", b"\x8d\x02\0\0\0\0\0\0\0os" + b"\x8d\x06\0\0\0\0\0\0\0system" + b"\x93" + text("true") + b"\x85R",
          texts="os.system", protocol=4)
    named("dotted module", glob("os.path", "os.system") + tup("true") + b"R", texts="os.system")
    named("dotted name", glob("builtins", "getattr.__call__") + tup("x", "y") + b"R", texts="getattr")
    named("dotted name of an allowed module", glob("torch._utils", "os.system") + tup("true") + b"R", texts="os.system")
    named("dotted name of an allowed class", glob("collections", "OrderedDict.__init__.__globals__.get") + tup("x") + b"R", texts="__globals__")
    named("dotted name through torch", glob("torch.serialization", "os.system") + tup("true") + b"R", texts="os.system")
    named("dotted name through numpy", glob("numpy", "core.multiarray.sys.exit") + tup(0) + b"R", texts="sys.exit")
    named("dotted stack_global", short("torch") + short("serialization.os.system") + b"\x93" + text("true") + b"\x85R", texts="os.system", protocol=4)
    named("module with a newline trick", b"cos\r\nsystem\r\n" + tup("true") + b"R", texts="system")
    named("empty module", b"c\nsystem\n" + tup("true") + b"R", texts="system")
    named("empty name", b"cos\n\n" + tup("true") + b"R", texts="os")
    named("name with a zero byte", b"ccollections\nOrderedDict\0x\n" + tup() + b"R", texts="OrderedDict")
    named("name in another case", glob("OS.System") + tup("true") + b"R", texts="OS.System")
    named("look-alike module", "cсollections\nOrderedDict\n".encode() + tup() + b"R", texts="OrderedDict")
    named("escape sequences in a name", b"cos\nsys\x1b[2Jtem\n" + tup("true") + b"R", texts="tem")
    named("a very long name", b"cos\n" + b"system" * 500 + b"\n" + tup("true") + b"R", texts="os.system")
    for opcode, code in (("ext1", b"\x82\x01"), ("ext2", b"\x83\x01\x01"), ("ext4", b"\x84\x01\0\0\x01")):
        named(opcode, code + tup("true") + b"R", texts="xtension")
    named("reduce of text", text("os.system") + tup("true") + b"R", texts=[])
    named("reduce of a number", b"K\x01" + tup("true") + b"R", texts=[])
    named("reduce of a tensor", tensor() + tup("true") + b"R", texts=[], where="zip legacy")
    named("reduce of an empty stack", b"R", texts=[])
    named("reduce with arguments that are no tuple", system + text("true") + b"R", texts=[])
    # NEWOBJ makes an inert record of any class; nothing of it may come out as a tensor.
    for name, opcodes in (("newobj", glob("subprocess.Popen") + tup("true") + b"\x81"),
                          ("newobj_ex", glob("subprocess.Popen") + tup("true") + b"}\x92"),
                          ("newobj of a function", system + tup("true") + b"\x81"),
                          ("newobj, then reduce", glob("subprocess.Popen") + b")\x81" + tup("true") + b"R")):
        enter(name, pickled(opcodes, protocol=4), "error", where="pickle zip legacy")


def write_builds():
    popen = glob("subprocess.Popen") + b")\x81"
    enter("build with __setstate__, then build", pickled(popen, dictionary("__setstate__", Raw(glob("os.system"))), b"b", text("true"), b"b"), "error")
    enter("build on a bare global", pickled(glob("os.environ"), dictionary("PATH", "/"), b"b"), "error")
    enter("build on a module's function", pickled(glob("os.system"), dictionary("__code__", 1), b"b"), "error")
    enter("build with slots", pickled(popen, b"N", dictionary("__class__", Raw(glob("os.system"))), b"\x86b"), "error")
    enter("build on a number", pickled(b"K\x01", dictionary("x", 1), b"b"), "error")
    harmless("build on a list", dictionary("w", tensor(), "x", Raw(b"]" + dictionary("append", Raw(glob("os.system"))) + b"b")))
    harmless("build on an OrderedDict shadows its methods", glob("collections.OrderedDict") + b")R" + dictionary("__setitem__", Raw(glob("os.system"))) + b"b" +
             text("w") + tensor() + b"s")
    named("build with a call as its state", glob("collections.OrderedDict") + b")R" + SYSTEM + b"b", texts="os.system")
    harmless("__class__ of a record", dictionary("w", tensor(), "x", Raw(popen + dictionary("__class__", Raw(glob("os.system")), "__dict__", {}) + b"b")))
    harmless("__reduce__ of a record", dictionary("w", tensor(), "x", Raw(popen + dictionary("__reduce__", Raw(tup(Raw(glob("os.system")), Raw(tup("true"))))) + b"b")))
    harmless("__del__ of a record", dictionary("w", tensor(), "x", Raw(popen + dictionary("__del__", Raw(glob("os.system"))) + b"b")))


def write_places():
    """A call hidden in each place where a reader evaluates something."""
    places = {
        "a dict's value": dictionary("w", tensor(), "x", SYSTEM),
        "a dict's key": Raw(b"}" + SYSTEM + tensor() + b"s"),
        "a list": Raw(b"](" + SYSTEM + b"e"),
        "a set": Raw(b"\x8f(" + SYSTEM + b"\x90"),
        "a tuple that is popped": Raw(SYSTEM + b"\x850" + dictionary("w", tensor())),
        "something popped by a mark": Raw(b"(" + SYSTEM + b"1" + dictionary("w", tensor())),
        "something that is duplicated": Raw(SYSTEM + b"200" + dictionary("w", tensor())),
        "OrderedDict's arguments": Raw(glob("collections.OrderedDict") + tup(SYSTEM) + b"R"),
        "OrderedDict's pairs": Raw(glob("collections.OrderedDict") + tup(Raw(b"](](" + text("w") + SYSTEM + b"ee")) + b"R"),
        "torch.Size": call("torch.Size", Raw(tup(SYSTEM))),
        "backward_hooks": dictionary("w", tensor(hooks=SYSTEM)),
        "backward_hooks of a list": dictionary("w", tensor(hooks=Raw(glob("collections.OrderedDict") + tup(Raw(b"](](K\x01" + SYSTEM + b"ee")) + b"R"))),
        "a size": Raw(glob("torch._utils._rebuild_tensor_v2") + tup(Raw(STORAGE), 0, Raw(tup(SYSTEM)), Raw(tup(1)), False, {}) + b"R"),
        "a storage": dictionary("w", tensor(storage=SYSTEM)),
        "a parameter's data": call("torch._utils._rebuild_parameter", SYSTEM, True, {}),
        "a parameter's state": call("torch._utils._rebuild_parameter_with_state", tensor(), True, {}, dictionary("x", SYSTEM)),
        "a tensor's metadata": Raw(glob("torch._utils._rebuild_tensor_v2") + tup(Raw(STORAGE), 0, Raw(tup(2)), Raw(tup(1)), False, {}, SYSTEM) + b"R"),
        "a persistent id": Raw(SYSTEM + b"Q"),
        "a persistent id's kind": persistent(kind=SYSTEM),
        "a persistent id's type": persistent(storage_type=SYSTEM),
        "a persistent id's key": persistent(key=SYSTEM),
        "a persistent id's location": persistent(location=SYSTEM),
        "a persistent id's count": persistent(count=SYSTEM),
        "a module's source": Raw(tup("module", Raw(glob("model.Net")), "model.py", SYSTEM) + b"Q"),
        "_codecs.encode": call("_codecs.encode", SYSTEM, "latin1"),
        "defaultdict's factory": call("collections.defaultdict", SYSTEM),
        "set's items": call("builtins.set", Raw(b"](" + SYSTEM + b"e")),
        "numpy's scalar": call("numpy.core.multiarray.scalar", SYSTEM, b"\0\0\0\0"),
        "numpy's dtype": call("numpy.dtype", SYSTEM, False, True),
        "the memo": Raw(SYSTEM + b"q\x000" + dictionary("w", tensor())),
    }
    for place, opcodes in places.items():
        named(f"in {place}", opcodes, texts="os.system", where="zip legacy", protocol=4)
    named("in a text persistent id", b"P(os.system\n", texts=[], where="pickle zip legacy")


def write_rebuilders():
    """Functions that call what they are given."""
    named("_rebuild_from_type_v2", call("torch._tensor._rebuild_from_type_v2", Raw(glob("os.system")), Raw(glob("torch.Tensor")), Raw(tup("true")), {}), texts="os.system")
    named("_rebuild_from_type", call("torch._tensor._rebuild_from_type", Raw(glob("os.system")), Raw(glob("torch.Tensor")), Raw(tup("true")), {}), texts="os.system")
    named("_rebuild_from_type_v2 of a nested call", call("torch._tensor._rebuild_from_type_v2", Raw(glob("torch._tensor._rebuild_from_type_v2")), Raw(glob("torch.Tensor")),
          Raw(tup(Raw(glob("os.system")), Raw(glob("torch.Tensor")), Raw(tup("true")), {})), {}), texts="os.system")
    enter("_rebuild_wrapper_subclass", pickled(call("torch._utils._rebuild_wrapper_subclass", Raw(glob("subprocess.Popen")), Raw(glob("torch.float32")),
          Raw(tup(1)), Raw(tup(1)), 0, Raw(glob("torch.strided")), Raw(glob("torch.device")), False)), "error", where="zip legacy")
    named("getattr of a tensor", call("builtins.getattr", tensor(), "backward"), texts="getattr", where="zip legacy")
    named("in an argument of another unknown function", call("torch._utils._get_device_index", SYSTEM), texts="os.system")
    enter("defaultdict of os.system", pickled(dictionary("w", tensor(), "x", call("collections.defaultdict", Raw(glob("os.system"))))), "harmless", where="zip legacy")
    named("list extended by map", b"]" + call("builtins.map", Raw(glob("os.system")), Raw(tup("true"))) + b"e", texts="map")
    inner = b"".join(legacy_parts(pickled(SYSTEM)))
    named("storage whose bytes are a hostile file", call("torch.storage._load_from_bytes", inner), texts="os.system", where="pickle zip")
    nested = inner
    for _ in range(3):
        nested = b"".join(legacy_parts(pickled(call("torch.storage._load_from_bytes", nested))))
    enter("storages in storages", pickled(call("torch.storage._load_from_bytes", nested)), "error", where="pickle zip")


def write_memo_tricks():
    system = glob("os.system")
    ordered = glob("collections.OrderedDict")
    named("memo rebound", ordered + b"q\0" + b"0" + system + b"q\0" + b"0h\0" + tup("true") + b"R", texts="os.system")
    named("memo rebound by LONG_BINPUT", ordered + b"q\0" + b"0" + system + b"r\0\0\0\0" + b"0h\0" + tup("true") + b"R", texts="os.system")
    named("memo rebound by PUT", ordered + b"q\0" + b"0" + system + b"p0\n" + b"0h\0" + tup("true") + b"R", texts="os.system")
    named("memo read by GET with zeros", system + b"q\0" + b"0g000\n" + tup("true") + b"R", texts="os.system")
    named("memo above 2^31", system + b"r\xff\xff\xff\xff" + b"0j\xff\xff\xff\xff" + tup("true") + b"R", texts=[])
    named("memo that is not there", b"h\x05" + tup("true") + b"R", texts=[])
    named("memo of a negative index", b"g-1\n" + tup("true") + b"R", texts=[])
    named("MEMOIZE after a jump", b"N\x94" + b"0" + system + b"q\x05" + b"0h\x05" + tup("true") + b"R", texts="os.system", protocol=4)


# --- whole files --------------------------------------------------------------------------------


def file(name, data, outcome, *texts):
    enter(name, data, outcome, *texts, where="file")


def write_files():
    hostile = pickled(SYSTEM)
    file("zip: honest", zip_file([("a/data.pkl", HONEST), ("a/data/0", BYTES), ("a/version", b"3\n")]), "harmless")
    file("legacy: honest", b"".join(legacy_parts(HONEST)) + STORED, "harmless")
    for part in range(5):
        parts = legacy_parts(HONEST)
        parts[part] = hostile
        # Without its magic number it is no legacy file, but a pickle like any other.
        file(f"legacy: the call is pickle {part + 1}", b"".join(parts) + STORED, "named", "os.system")
    parts = legacy_parts(HONEST)
    parts[1] = pickled(call("os.getpid"))
    file("legacy: the protocol version is a call", b"".join(parts) + STORED, "named", "os.getpid")
    parts = legacy_parts(HONEST)
    parts[4] = pickled(b"](" + SYSTEM + b"e")
    file("legacy: a storage key is a call", b"".join(parts) + STORED, "named", "os.system")
    file("legacy: a call after the storages", b"".join(legacy_parts(HONEST)) + STORED + hostile, "harmless")
    file("pickle: a call after STOP", pickled(b"}") + hostile, "error")
    file("zip: a call after STOP", zip_file([("a/data.pkl", HONEST + hostile), ("a/data/0", BYTES)]), "harmless")
    file("zip: data.pkl twice, the honest one first", zip_file([("a/data.pkl", HONEST), ("a/data.pkl", hostile), ("a/data/0", BYTES)]), "error")
    file("zip: data.pkl twice, the honest one last", zip_file([("a/data.pkl", hostile), ("a/data.pkl", HONEST), ("a/data/0", BYTES)]), "error")
    file("zip: a second data.pkl in another folder", zip_file([("a/data.pkl", HONEST), ("b/data.pkl", hostile), ("a/data/0", BYTES)]), "harmless")
    file("zip: a second data.pkl below", zip_file([("a/data.pkl", HONEST), ("a/data/data.pkl", hostile), ("a/data/0", BYTES)]), "harmless")
    file("zip: DATA.PKL", zip_file([("a/data.pkl", HONEST), ("a/DATA.PKL", hostile), ("a/data/0", BYTES)]), "harmless")
    file("zip: a name that climbs", zip_file([("../a/data.pkl", HONEST), ("../a/data/0", BYTES)]), "harmless")
    file("zip: an absolute name", zip_file([("/a/data.pkl", HONEST), ("/a/data/0", BYTES)]), "harmless")
    good = zip_file([("a/data.pkl", HONEST), ("b/data.pkl", hostile), ("a/data/0", BYTES)])
    swapped = bytearray(good)
    first, second = good.index(b"a/data.pkl"), good.index(b"b/data.pkl")
    swapped[first:first + 1], swapped[second:second + 1] = b"b", b"a"  # the local headers only
    file("zip: local and central names differ", swapped, "error")
    file("zip: behind a hostile pickle", hostile + good, "error")
    file("zip: constants.pkl is hostile", zip_file([("a/data.pkl", HONEST), ("a/constants.pkl", hostile), ("a/code/x.py", b""), ("a/data/0", BYTES)]), "harmless")
    storage = pickled(dictionary("w", tensor()))
    file("zip: a storage is a hostile pickle", zip_file([("a/data.pkl", storage), ("a/data/0", hostile[:8])]), "data")
    jit = pickled(glob("__torch__.Net") + b")\x81" + dictionary("w", tensor(), "x", call("__torch__.Net", "true")) + b"b")
    file("torchscript: a call of one of its classes", zip_file([("a/data.pkl", jit), ("a/constants.pkl", pickled(b")")), ("a/code/__torch__.py", b"")]), "error")
    jit = pickled(glob("__torch__.Net") + b")\x81" + dictionary("w", tensor(), "x", SYSTEM) + b"b")
    file("torchscript: a call", zip_file([("a/data.pkl", jit), ("a/constants.pkl", pickled(b")")), ("a/data/0", BYTES), ("a/code/__torch__.py", b"")]),
         "named", "os.system")


if __name__ == "__main__":
    for write in (write_calls, write_opcodes, write_builds, write_places, write_rebuilders, write_memo_tricks, write_files):
        write()
    lines = ",\n".join(json.dumps(entry) for entry in entries)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(f"[\n{lines}\n]\n")
    print(len(entries), "entries,", OUT.stat().st_size, "bytes")
