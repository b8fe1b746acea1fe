// What both programs do with their command lines: exact texts and exit statuses.
#include "tests/tools/run_program.h"

#include <catch2/catch.hpp>

using namespace lamina::test;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

struct Mistake {
  std::vector<std::string> arguments;
  std::string err;
};

}  // namespace

TEST_CASE("vgg16-infer: a wrong command line is one error line, a hint and status 2",
          "[tools][usage]") {
  const Mistake mistake = GENERATE(values<Mistake>({
      {{"--topkk", "3", "x.jpg"},
       "vgg16-infer: error: unknown option: --topkk\n  hint: did you mean '--topk'?\n"},
      {{"--zzzzzzzz", "x.jpg"},
       "vgg16-infer: error: unknown option: --zzzzzzzz\n  hint: 'vgg16-infer --help' lists the "
       "options\n"},
      {{},
       "vgg16-infer: error: no input: nothing to classify\n  hint: vgg16-infer photo.jpg, or "
       "--help\n"},
      {{"-k", "0", "x.jpg"},
       "vgg16-infer: error: '0' is not a whole number from 1 to 1000000: --topk N\n"},
      {{"-k", "5x", "x.jpg"},
       "vgg16-infer: error: '5x' is not a whole number from 1 to 1000000: --topk N\n"},
      {{"x.jpg", "-k"}, "vgg16-infer: error: value missing: --topk N\n"},
      {{"--format", "jsn", "x.jpg"},
       "vgg16-infer: error: 'jsn' is not one of text, json, jsonl, csv: --format F\n"
       "  hint: did you mean 'json'?\n"},
      {{"--mean", "1,2", "x.jpg"},
       "vgg16-infer: error: '1,2' is not three numbers, R,G,B: --mean R,G,B\n"},
      {{"--std", "0", "x.jpg"},
       "vgg16-infer: error: '0' is not three positive numbers, R,G,B: --std R,G,B\n"},
      {{"--shard", "3/2", "x.jpg"},
       "vgg16-infer: error: '3/2' is not a part of a whole: --shard I/N\n"
       "  hint: for example --shard 1/4, 2/4, 3/4 and 4/4\n"},
      {{"--features", "0", "x.jpg"},
       "vgg16-infer: error: --features without --features-out FILE\n"
       "  hint: for example --features features.28 --features-out features.npy\n"},
      {{"--precision", "fp16", "x.jpg"},
       "vgg16-infer: error: 'fp16' is not available on cpu: --precision\n"
       "  hint: cpu has fp32, bf16, int8\n"},
      {{"-m", "vgg61", "-w", "random", "x.jpg"}, "vgg16-infer: error: "},
      {{"--device", "gpu", "x.jpg"},
       "vgg16-infer: error: 'gpu' is not a device: --device\n"
       "  hint: auto, cpu, cuda or cuda:N; --list-devices shows what is here\n"},
      {{"-", "-"}, "vgg16-infer: error: stdin can be read once only: -\n"},
  }));
  const Outcome outcome = run("vgg16-infer", mistake.arguments);
  CHECK_THAT(outcome.err, StartsWith(mistake.err));
  CHECK(outcome.out.empty());
  CHECK(outcome.status == 2);
}

TEST_CASE("lamina-convert: a wrong command line is one error line, a hint and status 2",
          "[tools][usage]") {
  const Mistake mistake = GENERATE(values<Mistake>({
      {{"inspekt", "x"},
       "lamina-convert: error: unknown command: inspekt\n  hint: did you mean 'inspect'?\n"},
      {{},
       "lamina-convert: error: no command: nothing to do\n"
       "  hint: 'lamina-convert --help' lists the commands\n"},
      {{"diff", "a"},
       "lamina-convert: error: argument missing: B\n"
       "  hint: lamina-convert diff A B [--atol X] [--rtol X] [--json]\n"},
      {{"convert", "a", "b.txt"},
       "lamina-convert: error: no kind of file that can be written: b.txt\n"
       "  hint: known extensions: .lamina, .safetensors, .npz, .pth, .pt\n"},
      {{"inspect", "a", "b"}, "lamina-convert: error: unexpected argument: b\n"},
      {{"diff", "a", "b", "--atoll", "1"},
       "lamina-convert: error: unknown option: --atoll\n  hint: did you mean '--atol'?\n"},
      {{"init", "vgg61", "o.lamina"}, "lamina-convert: error: 'vgg61' is not one of vgg11, "},
  }));
  const Outcome outcome = run("lamina-convert", mistake.arguments);
  CHECK_THAT(outcome.err, StartsWith(mistake.err));
  CHECK(outcome.out.empty());
  CHECK(outcome.status == 2);
}

TEST_CASE("programs: help, version, devices and completion need nothing else", "[tools][usage]") {
  const std::string program = GENERATE("vgg16-infer", "lamina-convert", "lamina-lpips");
  for (const std::string option : {"--help", "-h", "--version", "--list-devices", "--man",
                                   "--completion=bash", "--completion=zsh", "--completion=fish"}) {
    const Outcome outcome = run(program, {option});
    INFO(program << " " << option);
    CHECK(outcome.status == 0);
    CHECK_FALSE(outcome.out.empty());
    CHECK(outcome.err.empty());
  }
  CHECK_THAT(run(program, {"--version", "-v"}).out, Contains("isa: ") && Contains("libraries: "));
  const std::string devices = run(program, {"--list-devices"}).out;
  CHECK_THAT(devices, StartsWith("cpu\t"));
  CHECK_THAT(devices, Contains("\ncuda"));  // a GPU, or why there is none
}

TEST_CASE("programs: the bash completion is valid and offers options", "[tools][usage]") {
  const TemporaryFolder folder;
  for (const std::string program : {"vgg16-infer", "lamina-convert", "lamina-lpips"}) {
    write_text(folder / "completion", run(program, {"--completion", "bash"}).out);
    CHECK(std::system(("bash -n " + (folder / "completion").string()).c_str()) == 0);
  }
}

TEST_CASE("lamina-convert: the bash completion offers what an argument may be", "[tools][usage]") {
  const TemporaryFolder folder;
  write_text(folder / "completion", run("lamina-convert", {"--completion", "bash"}).out);
  const auto completed = [&](const std::string& command, const std::string& begin) {
    write_text(folder / "ask", ". " + (folder / "completion").string() +
                                   "; COMP_WORDS=(lamina-convert " + command + " '" + begin +
                                   "'); COMP_CWORD=2; _lamina_convert; echo ${COMPREPLY[*]}");
    const std::string answer = (folder / "answer").string();
    CHECK(std::system(("bash " + (folder / "ask").string() + " > " + answer).c_str()) == 0);
    return read_text(answer);
  };
  CHECK(completed("download", "vgg16") == "vgg16 vgg16_bn vgg16.IMAGENET1K_FEATURES\n");
  CHECK(completed("cache", "r") == "rm\n");
  const std::string file = (folder / "completion").string();
  CHECK(completed("inspect", file.substr(0, file.size() - 3)) == file + "\n");
}

TEST_CASE("programs: an option of a value may be joined to it, and -- ends the options",
          "[tools][usage]") {
  const Workplace place;
  std::filesystem::copy(place / "a.bmp", place / "-a.bmp");
  const Outcome outcome = place.infer({"-q", "--topk=1", "--", "-a.bmp"});
  CHECK(outcome.err.empty());
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.out, StartsWith("-a.bmp\t1\t"));
}

TEST_CASE("vgg16-infer: an explicit cuda without one is status 5, auto is not", "[tools][device]") {
  const Workplace place;
  const Outcome outcome = place.infer({"--device", "cuda:99", "a.bmp"});
  CHECK(outcome.status == 5);
  CHECK_THAT(outcome.err,
             StartsWith("vgg16-infer: error: [session] device 'cuda:99' is not available: "));
  CHECK_THAT(outcome.err,
             EndsWith("\n  hint: use --device cpu, or auto; --list-devices shows what is here\n"));
  CHECK(place.infer({"--device", "auto", "a.bmp"}).status == 0);
}
