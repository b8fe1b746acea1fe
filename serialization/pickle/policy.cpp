#include "serialization/pickle/policy.h"

#include <algorithm>
#include <array>

namespace lamina::serialization::pickle {
namespace {

// Whole packages, by their first name or a dotted path.
constexpr std::array kPackages{
    // Programs, processes, the interpreter itself.
    "os", "posix", "nt", "posixpath", "ntpath", "subprocess", "_posixsubprocess", "_winapi",
    "commands", "popen2", "pty", "sys", "signal", "gc", "atexit", "platform", "multiprocessing",
    "_multiprocessing", "concurrent", "threading", "_thread", "thread", "asyncio", "sched",
    "_xxsubinterpreters", "_interpreters", "msvcrt", "_winreg", "winreg", "ctypes", "_ctypes",
    "cffi", "mmap", "resource",
    // Text or bytes that become code.
    "builtins", "__builtin__", "__builtins__", "code", "codeop", "runpy", "imp", "_imp",
    "importlib", "_frozen_importlib", "_frozen_importlib_external", "zipimport", "pkgutil",
    "pkg_resources", "marshal", "pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib",
    "shelve", "pydoc", "doctest", "timeit", "trace", "profile", "cProfile", "_lsprof", "pdb", "bdb",
    "idlelib", "lib2to3", "pip", "setuptools", "distutils", "ensurepip", "venv", "py_compile",
    "compileall", "ast", "symtable", "types", "inspect", "dis", "site", "test", "unittest",
    "pytest", "_pytest", "IPython", "jupyter_client", "rlcompleter", "cmd", "nose",
    // Ways to get at those.
    "operator", "_operator", "functools", "_functools", "itertools",
    // The network and the disk.
    "socket", "_socket", "socketserver", "ssl", "_ssl", "http", "httplib", "urllib", "urllib2",
    "urllib3", "requests", "aiohttp", "httpx", "ftplib", "smtplib", "smtpd", "poplib", "imaplib",
    "nntplib", "telnetlib", "xmlrpc", "xmlrpclib", "webbrowser", "antigravity", "paramiko",
    "shutil", "tempfile", "glob", "fileinput", "linecache", "tarfile", "zipfile", "io", "_io",
    "codecs", "_codecs", "getpass", "getopt", "sqlite3", "dbm", "logging.config", "tkinter",
    "pathlib", "tty", "termios", "fcntl",
    // The same within packages that weight files do name.
    "numpy.testing", "numpy.f2py", "numpy.distutils", "numpy.core.records.fromfile",
    "numpy.lib.npyio", "numpy.ctypeslib", "torch.hub", "torch.serialization", "torch.package",
    "torch._inductor", "torch.utils.cpp_extension", "torch.utils.data.datapipes",
    "torch.utils.bottleneck", "torch.utils.collect_env", "torch.utils._config_module",
    "torch.distributed.rpc", "torch.multiprocessing", "torch.testing", "torch.ops", "torch._ops",
    "torch._classes", "torch.jit.unsupported_tensor_ops", "pandas.io", "huggingface_hub"};

constexpr std::array kGlobals{"torch.load",       "torch.save",     "torch.compile",
                              "torch.jit.load",   "torch.jit.save", "numpy.load",
                              "numpy.save",       "numpy.fromfile", "numpy.loadtxt",
                              "numpy.genfromtxt", "numpy.memmap",   "pandas.read_pickle",
                              "pandas.eval",      "numpy.savetxt",  "torch.classes.load_library"};

// Whether `path` is `package` or stands inside it.
bool within(std::string_view path, std::string_view package) {
  return path.starts_with(package) &&
         (path.size() == package.size() || path[package.size()] == '.');
}

bool is_global(std::string_view entry, std::string_view module, std::string_view name) {
  return entry.size() == module.size() + 1 + name.size() && entry.starts_with(module) &&
         entry[module.size()] == '.' && entry.ends_with(name);
}

// __globals__, __reduce__, __getattribute__: roads from any object to any other. The name may be a
// path.
bool has_dunder(std::string_view name) {
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    if (part.starts_with("__") && part.ends_with("__")) return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace

bool is_never_data(std::string_view module, std::string_view name) {
  if (has_dunder(name)) return true;
  return std::ranges::any_of(kPackages, [&](auto* package) { return within(module, package); }) ||
         std::ranges::any_of(kGlobals, [&](auto* entry) { return is_global(entry, module, name); });
}

}  // namespace lamina::serialization::pickle
