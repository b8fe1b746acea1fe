// vgg16-infer --heatmap and --report: the files, what is in them, and what is refused.
#include "tests/tools/run_program.h"

#include "tools/support/html.h"
#include "tools/vgg16_infer/heatmaps.h"
#include "tools/vgg16_infer/pictures.h"
#include "tools/vgg16_infer/report.h"

#include <lamina/models/model.h>
#include <lamina/nn/grad_cam.h>
#include <lamina/serialization/npy.h>
#include <lamina/vision/decode.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>

using namespace lamina;
using namespace lamina::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using nlohmann::json;

namespace {

const std::string kDigits = LAMINA_DIGITS "/digits.lamina";

std::string digit(int which) {
  return std::string(LAMINA_DIGITS "/digits/digit-") + std::to_string(which) + ".png";
}

std::size_t count(const std::string& text, std::string_view what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

vision::Image grey(std::int64_t width, std::int64_t height) {
  return {width, height,
          std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width * height), 128)};
}

}  // namespace

TEST_CASE("heatmap: a picture and the library's own map for each image", "[tools][heatmap]") {
  const Workplace place;
  const Outcome outcome = place.infer({"-q", "-k", "1", "--format", "jsonl", "--heatmap", "maps/of",
                                       "-m", kDigits, digit(3), "a.bmp"});
  CHECK(outcome.err.empty());
  REQUIRE(outcome.status == 0);
  const auto text = lines(outcome.out);
  REQUIRE(text.size() == 2);
  CHECK(json::parse(text[0])["heatmap"] == "maps/of/digit-3.png");
  CHECK(json::parse(text[1])["heatmap"] == "maps/of/a.png");

  const Model model = load_model(kDigits);
  const Tensor image = vision::preprocess(vision::load_image(digit(3)), model.info().transforms)
                           .reshape({1, 3, 32, 32});
  const GradCamMap expected = GradCam(model).explain(image);
  CHECK(expected.class_index == 3);
  const Tensor found = serialization::load_npy(place / "maps/of/digit-3.npy");
  CHECK(difference(found, expected.map).max_abs <=
        1e-5 * difference(found, expected.map).max_abs_reference);
  const vision::Image picture = vision::load_image(place / "maps/of/digit-3.png");
  CHECK(picture.width == 256);  // 8 pixels, each 32 times
  CHECK(picture.height == 256);
}

TEST_CASE("heatmap: another layer and another class give another map", "[tools][heatmap]") {
  const Workplace place;
  const auto map = [&](const std::string& folder, std::vector<std::string> options) {
    std::vector<std::string> arguments{"-q", "-m", kDigits, digit(8), "--heatmap", folder};
    arguments.insert(arguments.end(), options.begin(), options.end());
    CHECK(place.infer(arguments).status == 0);
    return serialization::load_npy(place / (folder + "/digit-8.npy"));
  };
  const Tensor usual = map("usual", {});
  CHECK(usual.shape() == Shape({4, 4}));
  CHECK(map("layer", {"--heatmap-layer", "features.12"}).shape() == Shape({16, 16}));
  CHECK(!equal_bits(usual, map("class", {"--heatmap-class", "3"})));
  CHECK(equal_bits(usual, map("same", {"--heatmap-class", "8", "--threads", "1"})));
}

TEST_CASE("heatmap: lowered precision gives nearly the same map", "[tools][heatmap]") {
  const Workplace place;
  const auto map = [&](const std::string& precision) {
    CHECK(place
              .infer(
                  {"-q", "-m", kDigits, digit(5), "--heatmap", precision, "--precision", precision})
              .status == 0);
    return serialization::load_npy(place / (precision + "/digit-5.npy"));
  };
  const Tensor exact = map("fp32");
  for (const char* precision : {"bf16", "int8"}) {
    CHECK(difference(map(precision), exact).cosine > 0.95);
  }
}

TEST_CASE("heatmap: says what it cannot do, before it begins", "[tools][heatmap]") {
  const Workplace place;
  std::filesystem::create_directories(place / "d");
  place.picture("d/a.png", 20, 20, 1);
  struct Case {
    std::vector<std::string> arguments;
    int status;
    std::string err;
  };
  for (const Case& wrong : std::vector<Case>{
           {{"--heatmap", "maps", "a.bmp"},
            2,
            "vgg16-infer: error: [grad_cam] the model has no 'features' whose last layer could be "
            "taken\n  hint: --heatmap-layer LAYER names another; --print-model lists them\n"},
           {{"--heatmap", "maps", "--heatmap-layer", "22", "a.bmp"},
            2,
            "vgg16-infer: error: [module] Sequential has no layer '22'\n  hint: did you mean "
            "'2'?\n"},
           {{"--heatmap", "maps", "--heatmap-layer", "4", "a.bmp"},
            2,
            "vgg16-infer: error: [grad_cam] layer '4' gives [1, 64], and a map needs [1, c, h, "
            "w]\n"},
           {{"--heatmap", "maps", "--heatmap-layer", "2", "--heatmap-class", "5", "a.bmp"},
            2,
            "vgg16-infer: error: there is no class 5 among 5: --heatmap-class\n"},
           {{"--heatmap", "maps", "--heatmap-layer", "2", "a.bmp", "d/a.png"},
            2,
            "vgg16-infer: error: a.bmp and d/a.png would have one heat map: maps/a.png\n"
            "  hint: rename one of them, or run once for each and another --heatmap DIR\n"},
           {{"--heatmap", "d", "--heatmap-layer", "2", "d/a.png"},
            2,
            "vgg16-infer: error: the heat map would replace its own picture: d/a.png\n"
            "  hint: another --heatmap DIR keeps both\n"},
           {{"--heatmap", "a.bmp", "--heatmap-layer", "2", "b.bmp"},
            1,
            "vgg16-infer: error: cannot make a directory: Not a directory: a.bmp\n"},
           {{"--heatmap-layer", "2", "a.bmp"},
            2,
            "vgg16-infer: error: --heatmap-layer without --heatmap DIR\n"
            "  hint: --report FILE.html shows heat maps too\n"},
           {{"--resume", "r.jsonl", "--report", "r.html", "a.bmp"},
            2,
            "vgg16-infer: error: --resume cannot go on with a report\n"
            "  hint: --heatmap DIR adds to a directory\n"},
           {{"--report", "x", "-o", "x", "a.bmp"},
            2,
            "vgg16-infer: error: two outputs into one file: x\n"},
       }) {
    std::vector<std::string> arguments{"-q"};
    arguments.insert(arguments.end(), wrong.arguments.begin(), wrong.arguments.end());
    const Outcome outcome = place.infer(arguments);
    CHECK(outcome.err == wrong.err);
    CHECK(outcome.status == wrong.status);
  }
}

TEST_CASE("report: a full disk and a folder that is not there are one error line",
          "[tools][report]") {
  const Workplace place;
  const Outcome full =
      place.infer({"-q", "--report", "/dev/full", "--heatmap-layer", "2", "a.bmp"});
  CHECK(full.err == "vgg16-infer: error: cannot write: No space left on device: /dev/full\n");
  CHECK(full.status == 1);
  const Outcome none =
      place.infer({"-q", "--report", "no/r.html", "--heatmap-layer", "2", "a.bmp"});
  CHECK_THAT(none.err, StartsWith("vgg16-infer: error: cannot write: No such file or directory: "));
  CHECK(none.status == 1);
}

TEST_CASE("report: pictures, classes and failures are in it, and names stay text",
          "[tools][report]") {
  const Workplace place;
  const std::string hostile = "<img src=x onerror='alert(1)'>\"&.bmp";
  place.picture(hostile, 20, 20, 4);
  place.picture("bad\xff\x1b[31m.bmp", 20, 20, 5);
  const Outcome outcome = place.infer({"-q", "-k", "2", "--report", "r.html", "--heatmap-layer",
                                       "2", hostile, "none<li>.png", "bad\xff\x1b[31m.bmp"});
  CHECK(outcome.status == 1);
  const std::string page = read_text(place / "r.html");
  CHECK_THAT(page, StartsWith("<!DOCTYPE html>\n<html lang=\"en\">"));
  CHECK(count(page, "<section") == 3);
  CHECK(count(page, "<img ") == 4);
  CHECK(count(page, "src=\"data:image/png;base64,") == 4);
  CHECK(count(page, "<script") == 0);
  CHECK(count(page, "<img src=x") == 0);
  CHECK(count(page, "&lt;img src=x onerror=&#39;alert(1)&#39;&gt;&quot;&amp;.bmp") >= 1);
  CHECK(count(page, "bad\xef\xbf\xbd\\x1b[31m.bmp") >= 1);
  CHECK(count(page, "<strong>none&lt;li&gt;.png</strong>") >= 1);
  CHECK(count(page, "2 pictures classified, 1 input failed.") >= 1);
  CHECK(page.ends_with("</html>\n"));
}

TEST_CASE("report: photographs are JPEG, and the page goes with other outputs", "[tools][report]") {
  const Workplace place;
  place.picture("large.bmp", 900, 300, 4);
  const Outcome outcome =
      place.infer({"-q", "--report", "r.html", "--heatmap", "maps", "--heatmap-layer", "1",
                   "--features", "1", "--features-out", "f.npy", "large.bmp"});
  CHECK(outcome.status == 0);
  const std::string page = read_text(place / "r.html");
  CHECK(count(page, "src=\"data:image/jpeg;base64,") == 2);
  CHECK(count(page, "width=\"640\" height=\"213\"") == 2);
  CHECK(vision::load_image(place / "maps/large.png").width == 900);
  CHECK(serialization::load_npy(place / "f.npy").shape() == Shape({1, 4, 16, 16}));
}

TEST_CASE("pictures: of a size for a screen, with what was seen in their pixels",
          "[tools][pictures]") {
  const vision::Transforms digits{.resize = 32, .crop = 32};
  const tools::ShownPicture small = tools::show_picture(grey(8, 6), digits);
  CHECK(small.enlarged);
  CHECK(small.image.width == 256);
  CHECK(small.image.height == 192);
  CHECK(small.seen.height == 192);
  const tools::ShownPicture usual = tools::show_picture(grey(640, 427), {});
  CHECK(!usual.enlarged);
  CHECK(usual.image.width == 640);
  const tools::ShownPicture large = tools::show_picture(grey(4096, 1000), {});
  CHECK(large.image.width == 2048);
  CHECK(large.image.height == 500);
  CHECK(large.seen.y == 32);  // an eighth of the shorter side goes, a half of that here
  CHECK(large.seen.height == 437);
  const tools::ShownPicture line = tools::show_picture(grey(1, 3000), {});
  CHECK(line.image.width == 1);
  CHECK(line.image.height == 2048);
  const tools::ShownPicture cropped = tools::show_picture(grey(20, 20), {.resize = 0, .crop = 10});
  CHECK(cropped.image.width == 260);
  CHECK(cropped.seen.x == 65);
  CHECK(cropped.seen.width == 130);
}

TEST_CASE("heatmap: a file's stem", "[tools][heatmap]") {
  CHECK(tools::heat_map_stem("a/b/cat.jpg") == "cat");
  CHECK(tools::heat_map_stem("-") == "stdin");
  CHECK(tools::heat_map_stem("archive.tar.gz") == "archive.tar");
  CHECK(tools::heat_map_stem(".hidden") == ".hidden");
}

TEST_CASE("report: where a map is largest, in words", "[tools][report]") {
  const auto place = [](std::int64_t index) {
    Tensor map = Tensor::zeros({4, 3});
    map.mutable_data<float>()[index] = 1;
    return tools::place_of_largest(map);
  };
  CHECK(place(0) == "at the upper left");
  CHECK(place(4) == "in the middle");
  CHECK(place(5) == "at the right");
  CHECK(place(10) == "at the bottom");
}

TEST_CASE("html: base64 is RFC 4648's", "[tools][html]") {
  CHECK(tools::base64(bytes_of("")).empty());
  CHECK(tools::base64(bytes_of("f")) == "Zg==");
  CHECK(tools::base64(bytes_of("fo")) == "Zm8=");
  CHECK(tools::base64(bytes_of("foobar")) == "Zm9vYmFy");
  CHECK(tools::base64(bytes_of("\xff\xfe\xfd")) == "//79");
}
