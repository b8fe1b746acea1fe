// bare_session MODEL.lamina IN.npy: for each number N on stdin, N runs of a session on the images
// of IN, and a line with the milliseconds of each: what tools/check_triton compares serving with.
#include <lamina/models/model.h>
#include <lamina/nn/session.h>
#include <lamina/serialization/npy.h>

#include <chrono>
#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
  using namespace lamina;
  using Clock = std::chrono::steady_clock;
  if (argc != 3) {
    std::fprintf(stderr, "usage: bare_session MODEL.lamina IN.npy\n");
    return 2;
  }
  try {
    const Model model = load_model(argv[1]);
    const Tensor input = serialization::load_npy(argv[2]);
    Session session(model, {.device = "cpu", .max_batch = input.size(0)});
    session.run(input);
    for (int count = 0; std::scanf("%d", &count) == 1;) {
      for (int i = 0; i < count; ++i) {
        const auto start = Clock::now();
        session.run(input);
        const std::chrono::duration<double, std::milli> time = Clock::now() - start;
        std::printf("%.6f ", time.count());
      }
      std::printf("\n");
      std::fflush(stdout);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bare_session: error: %s\n", error.what());
    return 1;
  }
  return 0;
}
