// The main job: images in, answers out.
#pragma once

#include "tools/support/run_main.h"
#include "tools/vgg16_infer/options.h"

namespace lamina::tools {

/// Runs the whole job that the options describe. Images that fail are reported, the others are
/// done: the status is then some_failed. interrupted: what was done is in the outputs.
ExitStatus classify(const InferOptions& options, const Context& context);

}  // namespace lamina::tools
