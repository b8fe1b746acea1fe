// lamina-lpips on pictures of random pixels, with a VGG16 of random weights.
#include "tests/tools/run_program.h"

#include <lamina/models/lpips.h>
#include <lamina/serialization/load.h>
#include <lamina/vision/decode.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace lamina;
using namespace lamina::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using nlohmann::json;

namespace {

// A folder with weights.lamina, VGG16's features alone.
class LpipsPlace : public Workplace {
 public:
  LpipsPlace() {
    const Model model = models::vgg16({.weights = "random:1"});
    StateDict features;
    for (const auto& [name, tensor] : model.state_dict()) {
      if (name.starts_with("features.")) features.insert(name, tensor);
    }
    save(features, *this / "weights.lamina");
  }

  Outcome lpips(std::vector<std::string> arguments, RunOptions options = {}) const {
    arguments.insert(arguments.begin(), {"-w", "weights.lamina"});
    options.directory = *this / "";
    return run("lamina-lpips", arguments, options);
  }

  double distance(const std::string& a, const std::string& b) const {
    const Model model = models::lpips_vgg16({.weights = *this / "weights.lamina"});
    models::Lpips lpips(model, {.device = "cpu"});
    return lpips.distance(vision::load_image(*this / a), vision::load_image(*this / b)).distance;
  }
};

std::vector<std::string> keys_of(const std::string& line) {
  std::vector<std::string> keys;
  const auto object = nlohmann::ordered_json::parse(line);
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

}  // namespace

TEST_CASE("lpips: two pictures are one line, whose number is the library's", "[tools][lpips]") {
  const LpipsPlace place;
  place.picture("a2.bmp", 20, 30, 9);
  const auto expected = static_cast<float>(place.distance("a.bmp", "a2.bmp"));
  const Outcome text = place.lpips({"-q", "a.bmp", "a2.bmp"});
  CHECK(text.status == 0);
  CHECK(text.err.empty());
  CHECK_THAT(text.out, Catch::Matchers::EndsWith("\ta.bmp\ta2.bmp\n"));
  CHECK(std::stof(text.out) == expected);
  const Outcome object = place.lpips({"-q", "--format", "jsonl", "a.bmp", "a2.bmp"});
  CHECK(keys_of(object.out) ==
        std::vector<std::string>{"a", "b", "ok", "distance", "width", "height"});
  const json row = json::parse(object.out);
  CHECK(row["distance"].get<float>() == expected);
  CHECK(row["width"] == 20);
  CHECK(row["height"] == 30);
  CHECK(place.lpips({"-q", "a.bmp", "a.bmp"}).out == "0\ta.bmp\ta.bmp\n");
  const Outcome piped = place.lpips({"-q", "-", "a.bmp"}, {.input = read_text(place / "a2.bmp")});
  CHECK(std::stof(piped.out) == expected);
}

TEST_CASE("lpips: folders are paired by name, and what cannot be compared is a row",
          "[tools][lpips]") {
  const LpipsPlace place;
  for (const std::string folder : {"x", "y"}) {
    const unsigned seed = folder == "x" ? 1 : 5;
    std::filesystem::create_directories(place / (folder + "/deep"));
    place.picture(folder + "/1.bmp", 20, 30, seed);
    place.picture(folder + "/2.bmp", 20, 30, seed + 1);
    place.picture(folder + "/4.bmp", 20, folder == "x" ? 30 : 31, seed);
    place.picture(folder + "/6.bmp", 16, 15, seed);
    place.picture(folder + "/7.bmp", 16, 16, seed);
    place.picture(folder + "/deep/8.bmp", 20, 30, seed);
  }
  place.picture("x/3.bmp", 20, 30, 1);
  place.picture("y/5.bmp", 20, 30, 1);
  write_text(place / "x/2b.png", "\x89PNG\r\n no picture");
  place.picture("y/2b.png", 20, 30, 1);
  const Outcome outcome = place.lpips({"-q", "-r", "x", "y", "--format", "jsonl"});
  CHECK(outcome.status == 1);
  const auto text = lines(outcome.out);
  REQUIRE(text.size() == 9);
  const std::vector<std::string> errors{"",
                                        "",
                                        "x/2b.png",
                                        "no picture y/3.bmp to compare with x/3.bmp",
                                        "differ in size: x/4.bmp is 20x30, y/4.bmp is 20x31",
                                        "no picture x/5.bmp to compare with y/5.bmp",
                                        "smaller than 16x16",
                                        "",
                                        ""};
  for (std::size_t i = 0; i < text.size(); ++i) {
    const json row = json::parse(text[i]);
    INFO(text[i]);
    CHECK(row["ok"] == errors[i].empty());
    CHECK(row["a"].get<std::string>().substr(2) == row["b"].get<std::string>().substr(2));
    if (row["ok"] == true) {
      CHECK(row["distance"].get<float>() == static_cast<float>(place.distance(row["a"], row["b"])));
    } else {
      CHECK(keys_of(text[i]) == std::vector<std::string>{"a", "b", "ok", "error"});
      CHECK_THAT(row["error"].get<std::string>(), Contains(errors[i]));
      CHECK_THAT(outcome.err, Contains(errors[i]));
    }
  }
  // Text has a line for each answer, the same ones in any batch.
  const std::string lines_of_text = place.lpips({"-q", "-r", "x", "y"}).out;
  CHECK(lines(lines_of_text).size() == 4);
  CHECK(place.lpips({"-q", "-r", "-b", "1", "-j", "1", "x", "y"}).out == lines_of_text);
  CHECK(lines(place.lpips({"-q", "x", "y"}).out).size() == 3);
}

TEST_CASE("lpips: --output appears whole, or not at all", "[tools][lpips]") {
  const LpipsPlace place;
  CHECK(place.lpips({"-q", "a.bmp", "a.bmp", "-o", "out.txt"}).out.empty());
  CHECK(read_text(place / "out.txt") == "0\ta.bmp\ta.bmp\n");
  const auto before = place.names();
  const Outcome outcome = place.lpips({"-q", "-w", "none.pth", "a.bmp", "a.bmp", "-o", "no.txt"});
  CHECK(outcome.status == 3);
  CHECK(place.names() == before);
}

TEST_CASE("lpips: a wrong command line is one error line, a hint and status 2", "[tools][lpips]") {
  const LpipsPlace place;
  struct Mistake {
    std::vector<std::string> arguments;
    std::string err;
  };
  const std::vector<Mistake> mistakes{
      {{"a.bmp"},
       "lamina-lpips: error: two pictures or two directories are needed\n  hint: lamina-lpips "
       "a.png b.png, or --help\n"},
      {{"a.bmp", "b.bmp", "c.bmp"}, "lamina-lpips: error: more than two inputs: c.bmp\n"},
      {{".", "b.bmp"}, "lamina-lpips: error: only one of the two is a directory: .\n  hint: "},
      {{"-", "-"}, "lamina-lpips: error: stdin can be read once only: -\n"},
      {{"-w", "IMAGENET1K_FEATURES", "a.bmp", "b.bmp"},
       "lamina-lpips: error: LPIPS is not defined on weights IMAGENET1K_FEATURES: -w\n"},
      {{"--formt", "jsonl", "a.bmp", "b.bmp"},
       "lamina-lpips: error: unknown option: --formt\n  hint: did you mean '--format'?\n"}};
  for (const Mistake& mistake : mistakes) {
    const Outcome outcome = place.lpips(mistake.arguments);
    CHECK_THAT(outcome.err, StartsWith(mistake.err));
    CHECK(outcome.out.empty());
    CHECK(outcome.status == 2);
  }
}

TEST_CASE("lpips: weights that are missing or do not fit, and no device, have their statuses",
          "[tools][lpips]") {
  const LpipsPlace place;
  const std::string cache = "LAMINA_CACHE=" + place / "cache";
  const Outcome missing = run("lamina-lpips", {place / "a.bmp", place / "a.bmp"},
                              {.environment = {cache, "TORCH_HOME=" + place / "cache"}});
  CHECK(missing.status == 3);
  CHECK_THAT(missing.err, Contains("IMAGENET1K_V1 are not on this machine") && Contains("hint: "));
  const Outcome misfit = place.lpips({"-w", "model.lamina", "a.bmp", "a.bmp"});
  CHECK(misfit.status == 4);
  CHECK(place.lpips({"--device", "cuda:99", "a.bmp", "a.bmp"}).status == 5);
  const Outcome random = place.lpips({"-w", "random", "a.bmp", "a.bmp"});
  CHECK(random.status == 0);
  CHECK_THAT(random.err, Contains("warning: the weights are random"));
}
