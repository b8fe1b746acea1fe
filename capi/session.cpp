#include "capi/guard.h"
#include "capi/handles.h"
#include "core/require.h"

#include <lamina/nn/top_classes.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace lamina::capi {
namespace {

// What a caller that was compiled with an older header does not know is zero.
lamina_session_options complete(const lamina_session_options* given) {
  lamina_session_options all = LAMINA_SESSION_OPTIONS_INIT;
  if (given == nullptr) return all;
  LAMINA_REQUIRE(given->struct_size >= sizeof(given->struct_size),
                 "[lamina_session_create] options.struct_size is {}: begin with "
                 "LAMINA_SESSION_OPTIONS_INIT",
                 given->struct_size);
  std::memcpy(&all, given, std::min(given->struct_size, sizeof(all)));
  return all;
}

SessionOptions options_of(const lamina_session_options* given, const Model& model) {
  const lamina_session_options all = complete(given);
  SessionOptions options{.threads = all.threads,
                         .profile = all.profile != 0,
                         .input_ranges = model.info().input_ranges};
  if (all.device != nullptr) options.device = all.device;
  if (all.precision != nullptr) options.precision = all.precision;
  if (all.max_batch != 0) options.max_batch = all.max_batch;
  if (all.output_count > 0) require_pointer(all.outputs, "lamina_session_create", "outputs");
  for (std::size_t i = 0; i < all.output_count; ++i) {
    require_pointer(all.outputs[i], "lamina_session_create", "a name of outputs");
    options.outputs.emplace_back(all.outputs[i]);
  }
  return options;
}

// Holds a session for one call.
class Use {
 public:
  explicit Use(lamina_session& session) : session_(session) {
    is_held_ = !session.is_busy.exchange(true);
  }
  ~Use() {
    if (is_held_) session_.is_busy = false;
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

  bool is_held() const { return is_held_; }

 private:
  lamina_session& session_;
  bool is_held_;
};

template <typename F>
lamina_status with_session(lamina_session* session, const char* function, const F& f) noexcept {
  if (session == nullptr) return guard([&] { require_pointer(session, function, "session"); });
  const Use use(*session);
  if (!use.is_held()) {
    return keep_error(LAMINA_ERROR_BUSY,
                      "the session is in use by another thread: make one for each, they share "
                      "the weights");
  }
  return guard(f);
}

}  // namespace
}  // namespace lamina::capi

using namespace lamina::capi;

lamina_status lamina_session_create(const lamina_model* model,
                                    const lamina_session_options* options,
                                    lamina_session** session) {
  return guard([&] {
    require_pointer(model, "lamina_session_create", "model");
    require_pointer(session, "lamina_session_create", "session");
    *session = std::make_unique<lamina_session>(
                   lamina::Session(model->model, options_of(options, model->model)))
                   .release();
  });
}

void lamina_session_free(lamina_session* session) { delete session; }

lamina_status lamina_session_run(lamina_session* session, const lamina_tensor* batch,
                                 lamina_tensor* result) {
  constexpr const char* kFunction = "lamina_session_run";
  return with_session(session, kFunction, [&] {
    require_pointer(result, kFunction, "result");
    const lamina::Tensor input = to_tensor(batch, kFunction);
    // Lent memory goes back first, so that the session can use it again.
    session->outputs.clear();
    session->result = {};
    session->result = session->session.run(input.contiguous());
    *result = to_c(session->result);
  });
}

lamina_status lamina_session_output(lamina_session* session, const char* name,
                                    lamina_tensor* result) {
  constexpr const char* kFunction = "lamina_session_output";
  return with_session(session, kFunction, [&] {
    require_pointer(name, kFunction, "name");
    require_pointer(result, kFunction, "result");
    lamina::Tensor output = session->session.output(name);
    *result = to_c(output);
    session->outputs.push_back({name, std::move(output)});
  });
}

const char* lamina_session_device(const lamina_session* session) {
  return session != nullptr ? session->device.c_str() : nullptr;
}

lamina_status lamina_top_classes(const float* logits, int64_t classes, int64_t k,
                                 lamina_class_score* scores) {
  constexpr const char* kFunction = "lamina_top_classes";
  return guard([&] {
    LAMINA_REQUIRE(0 <= k && k <= classes, "[{}] the best {} of {} classes", kFunction, k, classes);
    if (k == 0) return;
    require_pointer(logits, kFunction, "logits");
    require_pointer(scores, kFunction, "scores");
    const std::span<const float> all(logits, static_cast<std::size_t>(classes));
    for (const lamina::ClassScore& best : lamina::top_classes(all, k)) {
      *scores++ = {best.index, best.probability, best.logit};
    }
  });
}
