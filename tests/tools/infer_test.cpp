// vgg16-infer on a small model: formats, failures, files, and going on after a stop.
#include "tests/tools/run_program.h"

#include <lamina/serialization/load.h>
#include <lamina/serialization/npy.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

using namespace lamina::test;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;
using nlohmann::json;

TEST_CASE("infer: a line of text is path, rank, index, probability, label", "[tools][infer]") {
  const Workplace place;
  const Outcome outcome = place.infer({"-q", "-k", "2", "a.bmp"});
  CHECK(outcome.err.empty());
  CHECK(outcome.status == 0);
  const auto text = lines(outcome.out);
  REQUIRE(text.size() == 2);
  CHECK_THAT(text[0], Catch::Matchers::Matches("a\\.bmp\t1\t([0-4])\t0\\.[0-9]{4}\tc\\1"));
  CHECK_THAT(text[1], StartsWith("a.bmp\t2\t"));
}

TEST_CASE("infer: JSON Lines have the contract's fields, in order", "[tools][infer]") {
  const Workplace place;
  const Outcome outcome = place.infer({"-q", "-k", "1", "--format", "jsonl", "a.bmp"});
  const auto object = nlohmann::ordered_json::parse(outcome.out);
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  CHECK(keys == std::vector<std::string>{"path", "ok", "width", "height", "top", "ms"});
  CHECK(object["width"] == 20);
  CHECK(object["height"] == 30);
  keys.clear();
  for (const auto& [key, value] : object["top"][0].items()) keys.push_back(key);
  CHECK(keys == std::vector<std::string>{"index", "label", "prob", "logit"});
  keys.clear();
  for (const auto& [key, value] : object["ms"].items()) keys.push_back(key);
  CHECK(keys == std::vector<std::string>{"decode", "preprocess", "infer"});
}

TEST_CASE("infer: a failing image is told, the rest go on, status 1", "[tools][infer]") {
  const Workplace place;
  write_text(place / "broken.jpg", "\xff\xd8\xff not a picture");
  const Outcome outcome =
      place.infer({"-q", "--format", "jsonl", "a.bmp", "none.png", "broken.jpg", "b.bmp"});
  CHECK(outcome.status == 1);
  const auto text = lines(outcome.out);
  REQUIRE(text.size() == 4);
  CHECK(json::parse(text[0])["ok"] == true);
  CHECK(json::parse(text[1])["ok"] == false);
  CHECK(json::parse(text[1])["path"] == "none.png");
  CHECK_THAT(json::parse(text[1])["error"].get<std::string>(),
             Contains("No such file or directory"));
  CHECK(json::parse(text[2])["ok"] == false);
  CHECK(json::parse(text[3])["ok"] == true);
  CHECK_THAT(outcome.err, Contains("vgg16-infer: error: ") && Contains("none.png"));
}

TEST_CASE("infer: --format json is one object", "[tools][infer]") {
  const Workplace place;
  const json object = json::parse(place.infer({"-q", "--format", "json", "a.bmp", "none.png"}).out);
  CHECK(object["model"] == "tiny");
  CHECK(object["weights"] == "formula");
  CHECK(object["device"] == "cpu");
  CHECK(object["precision"] == "fp32");
  CHECK(object["results"].size() == 2);
}

TEST_CASE("infer: CSV quotes what needs it", "[tools][infer]") {
  const Workplace place;
  place.picture("x,\"y\".bmp", 16, 16, 4);
  const auto text = lines(place.infer({"-q", "-k", "1", "--format", "csv", "x,\"y\".bmp"}).out);
  REQUIRE(text.size() == 2);
  CHECK(text[0] == "path,ok,width,height,rank,index,label,prob,logit,error");
  CHECK_THAT(text[1], StartsWith("\"x,\"\"y\"\".bmp\",true,16,16,1,"));
}

TEST_CASE("infer: names with control characters or no UTF-8 stay one valid line",
          "[tools][infer]") {
  const Workplace place;
  place.picture("tab\tnewline\n.bmp", 16, 16, 4);
  place.picture("bad\xff.bmp", 16, 16, 5);
  CHECK_THAT(place.infer({"-q", "-k", "1", "tab\tnewline\n.bmp"}).out,
             StartsWith("tab\\tnewline\\n.bmp\t1\t"));
  const Outcome outcome = place.infer({"-q", "--format", "jsonl", "bad\xff.bmp"});
  CHECK(outcome.status == 0);
  CHECK(json::parse(outcome.out)["path"] == "bad\xef\xbf\xbd.bmp");
}

TEST_CASE("infer: inputs come from directories, lists and stdin", "[tools][infer]") {
  const Workplace place;
  std::filesystem::create_directories(place / "d/deep");
  std::filesystem::create_directories(place / "empty");
  place.picture("d/2.bmp", 16, 16, 1);
  place.picture("d/1", 16, 16, 1);
  place.picture("d/deep/3.bmp", 16, 16, 1);
  write_text(place / "d/notes.txt", "hello");
  const auto paths = [](const Outcome& outcome) {
    std::vector<std::string> list;
    for (const std::string& line : lines(outcome.out))
      list.push_back(line.substr(0, line.find('\t')));
    return list;
  };
  using Paths = std::vector<std::string>;
  CHECK(paths(place.infer({"-q", "-k", "1", "d"})) == Paths{"d/1", "d/2.bmp"});
  CHECK(paths(place.infer({"-q", "-k", "1", "-r", "d"})) ==
        Paths{"d/1", "d/2.bmp", "d/deep/3.bmp"});
  CHECK_THAT(place.infer({"d"}).err,
             Contains("vgg16-infer: skipped 1 files that are no images: d\n"));
  write_text(place / "list.txt", "b.bmp\r\n\na.bmp");
  CHECK(paths(place.infer({"-q", "-k", "1", "@list.txt"})) == Paths{"b.bmp", "a.bmp"});
  const Outcome from_stdin =
      place.infer({"-q", "-k", "1", "-"}, {.input = read_text(place / "a.bmp")});
  CHECK(paths(from_stdin) == Paths{"-"});

  const Outcome empty = place.infer({"-q", "empty", "a.bmp"});
  CHECK(empty.status == 1);
  CHECK(empty.err ==
        "vgg16-infer: error: [input] no images in this directory (-r looks deeper): empty\n");
  CHECK(place.infer({"-q", "@none.txt"}).status == 1);
}

TEST_CASE("infer: a batch gives the same bits as one image at a time", "[tools][infer]") {
  const Workplace place;
  std::vector<std::string> pictures;
  for (unsigned i = 0; i < 7; ++i) {
    const std::string name = "p" + std::to_string(i) + ".bmp";
    place.picture(name, 20 + static_cast<int>(i), 30, i);
    pictures.push_back(name);
  }
  const auto logits = [&](const std::string& batch, const std::string& file) {
    std::vector<std::string> arguments{"-q", "-b", batch, "-j", "3", "--logits-out", file};
    arguments.insert(arguments.end(), pictures.begin(), pictures.end());
    CHECK(place.infer(arguments).status == 0);
    return lamina::serialization::load_npy(place / file);
  };
  const lamina::Tensor one = logits("1", "one.npy"), three = logits("3", "three.npy");
  CHECK(one.shape() == lamina::Shape{7, 5});
  CHECK(equal_bits(one, three));
}

TEST_CASE("infer: input, logits and features of the images that went well", "[tools][infer]") {
  const Workplace place;
  const Outcome outcome =
      place.infer({"-q", "a.bmp", "none.bmp", "b.bmp", "--save-input", "in.npy", "--logits-out",
                   "logits.npy", "--features", "0,3", "--features-out", "f.safetensors"});
  CHECK(outcome.status == 1);
  CHECK(lamina::serialization::load_npy(place / "in.npy").shape() == lamina::Shape{2, 3, 16, 16});
  CHECK(lamina::serialization::load_npy(place / "logits.npy").shape() == lamina::Shape{2, 5});
  const lamina::StateDict features = lamina::load(place / "f.safetensors");
  CHECK(features.at("0").shape() == lamina::Shape{2, 4, 16, 16});
  CHECK(features.at("3").shape() == lamina::Shape{2, 4, 4, 4});

  CHECK(place.infer({"-q", "a.bmp", "--features", "3", "--features-out", "f.npy"}).status == 0);
  CHECK(lamina::serialization::load_npy(place / "f.npy").shape() == lamina::Shape{1, 4, 4, 4});
}

TEST_CASE("infer: an unknown layer is status 2", "[tools][infer]") {
  const Workplace place;
  const Outcome outcome =
      place.infer({"-q", "a.bmp", "--features", "classifier.9", "--features-out", "f.npy"});
  CHECK(outcome.status == 2);
  CHECK_THAT(outcome.err, Contains("classifier.9"));
  CHECK_FALSE(std::filesystem::exists(place / "f.npy"));
}

TEST_CASE("infer: int8 takes ranges from example pictures", "[tools][infer]") {
  const Workplace place;
  write_text(place / "broken.jpg", "\xff\xd8\xff not a picture");
  const Outcome outcome = place.infer({"--precision", "int8", "--calibrate", ".", "a.bmp"});
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.err, Contains("calibrated on 3 pictures: ."));
  CHECK_THAT(outcome.err, Contains("left out of the calibration: "));
  CHECK_THAT(outcome.out, StartsWith("a.bmp\t1\t"));
}

TEST_CASE("infer: --calibrate without int8 or without pictures is status 2", "[tools][infer]") {
  const Workplace place;
  CHECK(place.infer({"--calibrate", ".", "a.bmp"}).err ==
        "vgg16-infer: error: --calibrate is for --precision int8 and fp8\n"
        "  hint: the others round nothing by a range\n");
  const Outcome outcome =
      place.infer({"-q", "--precision", "int8", "--calibrate", "none", "a.bmp"});
  CHECK(outcome.status == 2);
  CHECK(outcome.err == "vgg16-infer: error: no picture to calibrate with: none\n");
  CHECK(outcome.out.empty());
}

TEST_CASE("infer: an output file is whole or not there", "[tools][infer]") {
  const Workplace place;
  write_text(place / "out.jsonl", "old");
  CHECK(place.infer({"-q", "-m", "none.lamina", "-o", "out.jsonl", "a.bmp"}).status == 3);
  CHECK(read_text(place / "out.jsonl") == "old");
  const auto before = place.names();
  CHECK(place.infer({"-q", "--format", "jsonl", "-o", "out.jsonl", "a.bmp"}).status == 0);
  CHECK(lines(read_text(place / "out.jsonl")).size() == 1);
  CHECK(place.names() == before);
  const Outcome outcome = place.infer({"-q", "-o", "no/such/folder.txt", "a.bmp"});
  CHECK(outcome.status == 1);
  CHECK_THAT(outcome.err,
             StartsWith("vgg16-infer: error: cannot write: No such file or directory: "));
}

TEST_CASE("infer: --resume leaves out what is done and mends a cut line", "[tools][infer]") {
  const Workplace place;
  CHECK(place.infer({"-q", "--resume", "r.jsonl", "a.bmp", "none.bmp"}).status == 1);
  const std::string first = read_text(place / "r.jsonl");
  REQUIRE(lines(first).size() == 2);
  write_text(place / "r.jsonl", first + "{\"path\":\"b.bmp\",\"ok\":tr");
  place.picture("none.bmp", 16, 16, 9);
  CHECK(place.infer({"-q", "--resume", "r.jsonl", "a.bmp", "none.bmp", "b.bmp"}).status == 0);
  const std::string second = read_text(place / "r.jsonl");
  CHECK_THAT(second, StartsWith(first));
  const auto text = lines(second);
  REQUIRE(text.size() == 4);
  CHECK(json::parse(text[2])["path"] == "none.bmp");
  CHECK(json::parse(text[2])["ok"] == true);
  CHECK(json::parse(text[3])["path"] == "b.bmp");
  CHECK(place.infer({"-q", "--resume", "r.jsonl", "a.bmp"}).status == 0);
  CHECK(read_text(place / "r.jsonl") == second);
}

TEST_CASE("infer: shards are a partition, counted from one or from zero", "[tools][infer]") {
  const Workplace place;
  std::filesystem::create_directory(place / "many");
  for (unsigned i = 0; i < 12; ++i) place.picture("many/" + std::to_string(i) + ".bmp", 16, 16, i);
  for (const int first : {0, 1}) {
    std::set<std::string> seen;
    std::size_t count = 0;
    for (int i = first; i < first + 3; ++i) {
      const Outcome outcome =
          place.infer({"-q", "-k", "1", "--shard", std::to_string(i) + "/3", "many"});
      CHECK(outcome.status == 0);
      for (const std::string& line : lines(outcome.out)) {
        seen.insert(line.substr(0, line.find('\t')));
        ++count;
      }
    }
    CHECK(seen.size() == 12);
    CHECK(count == 12);
  }
}

TEST_CASE("infer: labels of another number than the classes are status 2", "[tools][infer]") {
  const Workplace place;
  write_text(place / "labels.txt", "x\ny\n");
  const Outcome outcome = place.infer({"-q", "--labels", "labels.txt", "a.bmp"});
  CHECK(outcome.status == 2);
  CHECK(outcome.err ==
        "vgg16-infer: error: 2 labels for 5 classes: --labels labels.txt\n"
        "  hint: one label a line, in the order of the logits\n");
  write_text(place / "labels.txt", "v\nw\nx\ny\nz");
  CHECK_THAT(place.infer({"-q", "-k", "5", "--labels", "labels.txt", "a.bmp"}).out,
             Contains("\tv\n") && Contains("\tz\n"));
}

TEST_CASE("infer: a missing or broken model is status 3, a misfit is 4", "[tools][infer]") {
  const Workplace place;
  CHECK(place.infer({"-m", "none.lamina", "a.bmp"}).status == 3);
  write_text(place / "broken.lamina", "not a container");
  CHECK(place.infer({"-m", "broken.lamina", "a.bmp"}).status == 3);
  CHECK(place.infer({"-w", "none.safetensors", "a.bmp"}).status == 3);
  CHECK(place.convert({"-q", "convert", "model.lamina", "w.npz"}).status == 0);
  write_text(place / "map", "5.bias other\n");
  CHECK(place.convert({"-q", "convert", "w.npz", "bad.npz", "--map", "map"}).status == 0);
  const Outcome outcome = place.infer({"-w", "bad.npz", "a.bmp"});
  CHECK(outcome.status == 4);
  CHECK_THAT(outcome.err, Contains("5.bias") && Contains("other"));
  CHECK(place.infer({"-q", "-w", "w.npz", "a.bmp"}).status == 0);
}

TEST_CASE("infer: a closed pipe is quiet, a closed stdin is an error", "[tools][infer]") {
  const Workplace place;
  std::vector<std::string> many{"-q", "-b", "1"};
  for (int i = 0; i < 50; ++i) many.push_back("a.bmp");
  const Outcome piped = place.infer(many, {.after = "| true"});
  CHECK(piped.err.empty());
  const Outcome no_stdin = place.infer({"-q", "-"}, {.before = "exec <&-;"});
  CHECK(no_stdin.status == 1);
  CHECK(no_stdin.err == "vgg16-infer: error: cannot read: Bad file descriptor: standard input\n");
  const Outcome no_stdout = place.infer({"-q", "a.bmp"}, {.before = "exec >&-;"});
  CHECK(no_stdout.status == 1);
  CHECK(no_stdout.err ==
        "vgg16-infer: error: cannot write: Bad file descriptor: standard output\n");
}

TEST_CASE("infer: SIGINT leaves what was done, whole, and is status 130", "[tools][infer]") {
  const Workplace place;
  write_text(place / "list.txt", [] {
    std::string text;
    for (int i = 0; i < 200000; ++i) text += "a.bmp\n";
    return text;
  }());
  // Interrupted once something is written, whenever that is; the program takes the place of the
  // shell, whose number the one who waits knows. Until its end the file has a longer name.
  const std::string interrupted_in_time =
      "sh -c '(timeout 60 sh -c \"until find . -name \\\"*o.jsonl*\\\" -size +0 | grep -q .;"
      " do sleep 0.1; done\"; kill -INT $$) & exec \"$@\"' sh";
  const Outcome outcome =
      place.infer({"-q", "-b", "1", "-o", "o.jsonl", "--format", "jsonl", "@list.txt"},
                  {.before = interrupted_in_time});
  CHECK(outcome.status == 130);
  CHECK(outcome.err == "vgg16-infer: error: interrupted\n");
  const auto text = lines(read_text(place / "o.jsonl"));
  REQUIRE(!text.empty());
  CHECK(text.size() < 200000);
  CHECK(json::parse(text.back())["ok"] == true);
  CHECK(place.names() ==
        std::vector<std::string>{"a.bmp", "b.bmp", "c.bmp", "list.txt", "model.lamina", "o.jsonl"});
}

TEST_CASE("infer: --summary, --print-model and --profile show the layers", "[tools][infer]") {
  const Workplace place;
  CHECK(place.infer({"--print-model"}).out ==
        "Sequential(\n"
        "  (0): Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))\n"
        "  (1): ReLU()\n"
        "  (2): MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)\n"
        "  (3): AdaptiveAvgPool2d(output_size=4)\n"
        "  (4): Flatten(start_dim=1, end_dim=-1)\n"
        "  (5): Linear(in_features=64, out_features=5, bias=True)\n"
        ")\n");
  CHECK_THAT(place.infer({"--summary"}).out, Contains("parameters  437\n"));
  CHECK_THAT(place.infer({"-q", "--profile", "a.bmp"}).out,
             Contains("GFLOP/s") && Contains("100.0%"));
  const Outcome outcome = place.infer({"-q", "--profile", "--format", "jsonl", "a.bmp"});
  CHECK(lines(outcome.out).size() == 1);
  CHECK_THAT(outcome.err, Contains("GFLOP/s"));
}

TEST_CASE("infer: a classifier of NaN tells no classes, what lies before it can be had",
          "[tools][infer]") {
  const Workplace place;
  lamina::StateDict state = lamina::load(place.model());
  const lamina::Shape shape = state.at("5.weight").shape();
  state.set("5.weight", lamina::Tensor::full({shape.numel()}, std::nanf("")).reshape(shape));
  lamina::save_any(state, place / "nan.npz");
  const Outcome top = place.infer({"-w", "nan.npz", "a.bmp"});
  CHECK(top.status == 2);
  CHECK_THAT(top.err, Contains("error: weights without a classifier tell no classes: "
                               "not numbers in nan.npz: 5.weight\n") &&
                          Contains("  hint: --features"));
  const Outcome after =
      place.infer({"-w", "nan.npz", "--features", "1,5", "--features-out", "f.npz", "a.bmp"});
  CHECK(after.status == 2);
  const auto features = [&](const std::string& layer) {
    return place.infer({"-w", "nan.npz", "--features", layer, "--features-out", "f.npy", "a.bmp"});
  };
  CHECK_THAT(features("5").err, Contains("error: --features 5 would be no numbers"));
  CHECK_FALSE(std::filesystem::exists(place / "f.npy"));
  CHECK(features("4").status == 0);
  CHECK(std::filesystem::exists(place / "f.npy"));
}

TEST_CASE("infer: DataParallel's prefix comes off with a note", "[tools][infer]") {
  const Workplace place;
  lamina::StateDict parallel;
  for (const auto& [name, tensor] : lamina::load(place.model())) {
    parallel.insert("module." + name, tensor);
  }
  lamina::save_any(parallel, place / "parallel.npz");
  const Outcome outcome = place.infer({"-w", "parallel.npz", "a.bmp"});
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.err, Contains("vgg16-infer: 'module.' taken off every name: parallel.npz\n"));
  CHECK(outcome.out == place.infer({"-q", "a.bmp"}).out);
}

TEST_CASE("infer: weights of another VGG or another network say what to do", "[tools][infer]") {
  const Workplace place;
  lamina::StateDict other;
  other.insert("conv1.weight", lamina::Tensor::zeros({4, 3, 3, 3}));
  lamina::save_any(other, place / "other.npz");
  const Outcome outcome = run("vgg16-infer", {"-w", place / "other.npz", place / "a.bmp"});
  CHECK(outcome.status == 4);
  CHECK_THAT(outcome.err, Contains("[vgg16] the state dict does not fit VGG: 32 missing: ") &&
                              Contains("  hint: no name in the file is a VGG's"));
}

TEST_CASE("infer: pictures too small for the poolings are refused as such", "[tools][infer]") {
  const Workplace place;
  const Outcome outcome =
      run("vgg16-infer", {"-q", "-m", "vgg11", "-w", "random", "--crop", "31", place / "a.bmp"});
  CHECK(outcome.status == 2);
  CHECK(outcome.err ==
        "vgg16-infer: error: pictures of 31 x 31 pixels are too small, VGG needs 32 x 32\n"
        "  hint: see --resize and --crop\n");
}
