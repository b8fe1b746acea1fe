// PyTorch's tutorial "save and load the model" in one program: a VGG16's state dict is saved,
// loaded into an untrained VGG16, and both are asked about the same photograph.
//
//   save_and_load PHOTO FOLDER [WEIGHTS]      (WEIGHTS: random:0 by default)
#include <lamina/lamina.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>

namespace {

class Stopwatch {
 public:
  double milliseconds() const {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin_ = Clock::now();
};

void run(const std::string& photo, const std::filesystem::path& folder,
         const std::string& weights) {
  const Stopwatch making;
  lamina::Model model = lamina::models::vgg16({.weights = weights});
  model.eval();
  std::printf("vgg16(%s)                      %7.0f ms\n", weights.c_str(), making.milliseconds());

  const std::filesystem::path file = folder / "vgg16_weights.lamina";
  const Stopwatch saving;
  lamina::save(model.state_dict(), file);
  std::printf("save(model.state_dict(), …)          %7.0f ms   %s, %.0f MiB\n",
              saving.milliseconds(), file.c_str(),
              static_cast<double>(std::filesystem::file_size(file)) / (1 << 20));

  lamina::Model fresh = lamina::models::vgg16({.init_weights = false});
  const Stopwatch loading;
  fresh.load_state_dict(lamina::load(file));
  std::printf("fresh.load_state_dict(load(…))       %7.2f ms   mapped, nothing copied\n",
              loading.milliseconds());
  fresh.eval();

  const lamina::Tensor image = lamina::vision::preprocess(lamina::vision::load_image(photo));
  const lamina::Tensor batch = image.reshape({1, 3, 224, 224});
  lamina::Session before(model), after(fresh);
  const lamina::Tensor expected = before.run(batch);
  after.run(batch);  // the first run packs the weights
  const Stopwatch running;
  const lamina::Tensor logits = after.run(batch);
  std::printf("session.run(photo)                   %7.0f ms   on %d threads\n",
              running.milliseconds(), after.threads());
  std::printf("logits of the two models             %s\n", lamina::equal_bits(logits, expected)
                                                               ? "the same 1000 floats, bit for bit"
                                                               : "DIFFER");
  if (!lamina::equal_bits(logits, expected)) throw lamina::Error("the logits differ");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    std::fprintf(stderr, "usage: save_and_load PHOTO FOLDER [WEIGHTS]\n");
    return 2;
  }
  try {
    run(argv[1], argv[2], argc == 4 ? argv[3] : "random:0");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "save_and_load: error: %s\n", error.what());
    return 1;
  }
}
