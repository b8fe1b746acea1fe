// What stands behind the opaque handles, and tensors between the two sides.
#pragma once

#include <lamina/c.h>
#include <lamina/core/state_dict.h>
#include <lamina/models/model.h>
#include <lamina/nn/session.h>

#include <atomic>
#include <string>

struct lamina_model {
  lamina::Model model;
  lamina::StateDict state;  // the weights, for their names and views

  explicit lamina_model(lamina::Model made) : model(std::move(made)) {
    model.eval();
    state = model.state_dict();
  }
};

struct lamina_session {
  explicit lamina_session(lamina::Session made)
      : session(std::move(made)), device(to_string(session.device())) {}

  lamina::Session session;
  std::string device;
  lamina::Tensor result;                          // of the last run, lent to the caller
  std::vector<lamina::StateDict::Entry> outputs;  // likewise
  std::atomic<bool> is_busy = false;
};

namespace lamina::capi {

/// A view of the caller's memory. Throws InvalidArgument for what is no tensor.
Tensor to_tensor(const lamina_tensor* tensor, const char* function);
lamina_tensor to_c(const Tensor& tensor);

}  // namespace lamina::capi
