#include "python/src/arrays.h"
#include "python/src/bind.h"
#include "python/src/calls.h"

#include <lamina/core/error.h>
#include <lamina/models/model.h>
#include <lamina/nn/session.h>
#include <lamina/nn/top_classes.h>

#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

namespace lamina::python {
namespace {

// A Session is used by one thread at a time: the others wait here, and answer Ctrl-C meanwhile.
class Turn {
 public:
  void take() {
    if (holder_ == std::this_thread::get_id()) {
      throw Error("[session] run() was called from inside of run(), by a signal handler");
    }
    InterruptCheck check;
    constexpr std::chrono::milliseconds kPatience{20};
    while (!mutex_.try_lock_for(kPatience)) {
      check();
      ForkGuard::let_fork();
    }
    holder_ = std::this_thread::get_id();
  }

  void give() {
    holder_ = std::thread::id();
    mutex_.unlock();
  }

 private:
  std::timed_mutex mutex_;
  std::atomic<std::thread::id> holder_{};
};

class PySession {
  // Before its uses, for its deduced type.
  // The result of f(), which no other thread disturbs. Outputs belong to the run they came from
  // only where both are taken in one turn.
  template <typename F>
  auto exclusively(F&& f) {
    check_process();
    return guarded([&] {
      turn_.take();
      const std::unique_ptr<Turn, void (*)(Turn*)> giver(&turn_, [](Turn* turn) { turn->give(); });
      return f();
    });
  }

 public:
  PySession(const Model& model, SessionOptions options)
      : max_batch_(options.max_batch), precision_(options.precision) {
    // The session is one thread's, and so is the check.
    options.between_passes = [check = InterruptCheck()]() mutable { check(); };
    session_.emplace(guarded([&] { return Session(model, std::move(options)); }));
  }

  nb::object run(nb::handle input) {
    const Tensor batch = from_array(input, "the input");
    return to_numpy(run_tensor(batch).first, false);
  }

  nb::tuple run_with_outputs(nb::handle input, const std::vector<std::string>& names) {
    const Tensor batch = from_array(input, "the input");
    const auto [result, outputs] = run_tensor(batch, names);
    nb::dict dict;
    for (std::size_t i = 0; i < names.size(); ++i) {
      dict[names[i].c_str()] = to_numpy(outputs[i], false);
    }
    return nb::make_tuple(to_numpy(result, false), dict);
  }

  nb::object output(const std::string& name) {
    return to_numpy(exclusively([&] { return session_->output(name); }), false);
  }

  nb::list steps() {
    nb::list result;
    for (const Session::Step& step : exclusively([&] { return session_->steps(); })) {
      nb::dict entry;
      entry["name"] = step.name;
      entry["what"] = step.what;
      entry["plan"] = step.plan;
      entry["output"] = std::vector<std::int64_t>(step.output.begin(), step.output.end());
      entry["macs"] = step.macs;
      entry["time_ms"] = step.time_ms;
      result.append(entry);
    }
    return result;
  }

  std::string device() const { return to_string(session_->device()); }
  int threads() const { return session_->threads(); }
  std::int64_t max_batch() const { return max_batch_; }
  const std::string& precision() const { return precision_; }
  std::int64_t arena_bytes() {
    return exclusively([&] { return session_->arena_bytes(); });
  }
  std::int64_t packed_bytes() {
    return exclusively([&] { return session_->packed_bytes(); });
  }

 private:
  std::pair<Tensor, std::vector<Tensor>> run_tensor(const Tensor& batch,
                                                    const std::vector<std::string>& names = {}) {
    return exclusively([&] {
      Tensor result = session_->run(batch);
      std::vector<Tensor> outputs;
      for (const std::string& name : names) outputs.push_back(session_->output(name));
      return std::pair(std::move(result), std::move(outputs));
    });
  }

  // What is on a device belongs to the process that put it there.
  void check_process() const {
    if (session_->device().type == DeviceType::cpu || ::getpid() == process_) return;
    throw DeviceError("[session] made on " + device() + " before fork(): CUDA does not work there",
                      "make the session in the child, and start children with \"spawn\"");
  }

  std::int64_t max_batch_;
  std::string precision_;
  pid_t process_ = ::getpid();
  Turn turn_;
  std::optional<Session> session_;
};

nb::list top_classes_of(nb::handle logits, std::int64_t k) {
  nb::list images;
  for (const auto& scores : top_classes(from_array(logits, "the logits"), k)) {
    nb::list image;
    for (const ClassScore& score : scores) {
      image.append(nb::make_tuple(score.index, score.probability, score.logit));
    }
    images.append(image);
  }
  return images;
}

}  // namespace

void bind_session(nb::module_& module) {
  nb::class_<PySession>(module, "Session")
      .def(
          "__init__",
          [](PySession* self, const Model& model, std::string device, std::string precision,
             int threads, std::int64_t max_batch, std::vector<std::string> outputs, bool profile,
             std::optional<InputRanges> input_ranges) {
            new (self) PySession(
                model, {.device = std::move(device),
                        .precision = std::move(precision),
                        .threads = threads,
                        .max_batch = max_batch,
                        .outputs = std::move(outputs),
                        .profile = profile,
                        .input_ranges = input_ranges ? *input_ranges : model.info().input_ranges});
          },
          nb::arg("model"), nb::arg("device") = "auto", nb::arg("precision") = "fp32",
          nb::arg("threads") = 0, nb::arg("max_batch") = 8,
          nb::arg("outputs") = std::vector<std::string>(), nb::arg("profile") = false,
          nb::arg("input_ranges") = nb::none())
      .def("run", &PySession::run, nb::arg("batch").none(),
           nb::sig("def run(self, batch: object) -> numpy.ndarray"),
           "float32 [n, 3, h, w], NumPy or anything with ``__dlpack__`` in the processor's memory, "
           "-> float32 [n, classes]. Nothing is copied in, and other threads run meanwhile.")
      .def(
          "run_with_outputs", &PySession::run_with_outputs, nb::arg("batch").none(),
          nb::arg("names"),
          nb::sig("def run_with_outputs(self, batch: object, names: collections.abc.Sequence[str]) "
                  "-> tuple[numpy.ndarray, dict[str, numpy.ndarray]]"),
          "run(), and what the named layers gave in that run.")
      .def("output", &PySession::output, nb::arg("name"),
           nb::sig("def output(self, name: str) -> numpy.ndarray"),
           "What the layer, one of ``outputs``, gave in the last run of any thread.")
      .def("steps", &PySession::steps, nb::sig("def steps(self) -> list[dict[str, typing.Any]]"),
           "The plan for the last input size, a dict a step; times with ``profile``.")
      .def_prop_ro("device", &PySession::device, "``\"cpu\"``, ``\"cuda:0\"``")
      .def_prop_ro("precision", &PySession::precision)
      .def_prop_ro("threads", &PySession::threads)
      .def_prop_ro("max_batch", &PySession::max_batch)
      .def_prop_ro("arena_bytes", &PySession::arena_bytes)
      .def_prop_ro("packed_bytes", &PySession::packed_bytes);
  module.def("top_classes", &top_classes_of, nb::arg("logits").none(), nb::arg("k") = 5,
             nb::sig("def top_classes(logits: object, k: int = 5) -> list[list[tuple[int, float, "
                     "float]]]"),
             "For each row the k most probable classes: index, probability, logit.");
}

}  // namespace lamina::python
