// run_grad_cam NAME WEIGHTS IN.npy CLASS OUT_DIR LAYER...: Grad-CAM of one image at several layers,
// as OUT_DIR/LAYER.gradient.npy, .map.npy and .scaled.npy. A helper of grad_cam_with_torch.py.
#include <lamina/models/vgg.h>
#include <lamina/nn/grad_cam.h>
#include <lamina/serialization/npy.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

int main(int argc, char** argv) {
  using namespace lamina;
  using Clock = std::chrono::steady_clock;
  constexpr int kFirstLayer = 6;
  if (argc <= kFirstLayer) {
    std::fprintf(stderr, "usage: run_grad_cam NAME WEIGHTS IN.npy CLASS OUT_DIR LAYER...\n");
    return 2;
  }
  try {
    const Model model = models::make_model(argv[1], {.weights = argv[2]});
    const Tensor input = serialization::load_npy(argv[3]);
    const std::int64_t class_index = std::atoll(argv[4]);
    for (int i = kFirstLayer; i < argc; ++i) {
      GradCam cam(model, {.layer = argv[i]});
      const GradCamMap first = cam.explain(input, class_index);
      const auto start = Clock::now();
      const GradCamMap result = cam.explain_activation(first.activation, class_index);
      const double ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
      std::printf("%s from %s: %.1f ms\n", argv[1], argv[i], ms);
      const std::string path = std::string(argv[5]) + "/" + argv[i];
      serialization::save_npy(result.gradient, path + ".gradient.npy");
      serialization::save_npy(result.map, path + ".map.npy");
      serialization::save_npy(scale_map(result.map, input.size(2), input.size(3)),
                              path + ".scaled.npy");
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "run_grad_cam: error: %s\n", error.what());
    return 1;
  }
  return 0;
}
