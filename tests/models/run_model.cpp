// run_model NAME WEIGHTS IN.npy OUT.npy: logits of a model for an input of any size. A helper of
// compare_with_torch.py.
#include <lamina/models/vgg.h>
#include <lamina/nn/session.h>
#include <lamina/serialization/npy.h>

#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
  using namespace lamina;
  if (argc != 5) {
    std::fprintf(stderr, "usage: run_model NAME WEIGHTS IN.npy OUT.npy\n");
    return 2;
  }
  try {
    const Model model = models::make_model(argv[1], {.weights = argv[2]});
    const Tensor input = serialization::load_npy(argv[3]);
    Session session(model, {.device = "cpu", .max_batch = input.size(0)});
    serialization::save_npy(session.run(input), argv[4]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "run_model: error: %s\n", error.what());
    return 1;
  }
  return 0;
}
