// lamina-bench: its rows, their names, what it checks, and telling a change from noise. How fast
// anything was is nobody's business here.
#include "tests/tools/run_program.h"

#include <lamina/core/tensor.h>
#include <lamina/serialization/npy.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>

using namespace lamina;
using namespace lamina::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using nlohmann::json;

namespace {

Outcome bench(const Workplace& place, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"-m", "model.lamina", "--min-time", "0"});
  return run("lamina-bench", arguments, {.directory = place / ""});
}

std::string row(const char* p50, const char* spread, const char* batch = "1") {
  return std::string(R"({"engine":"lamina","device":"cpu","threads":2,"batch":)") + batch +
         R"(,"p50_ms":)" + p50 + R"(,"spread_percent":)" + spread + "}\n";
}

}  // namespace

TEST_CASE("bench: CSV has the contract's names first, and a row for each combination",
          "[tools][bench]") {
  const Workplace place;
  const Outcome outcome = bench(place, {"-q", "-b", "1,3", "-t", "1,2", "--format", "csv"});
  CHECK(outcome.status == 0);
  CHECK(outcome.err.empty());
  const auto text = lines(outcome.out);
  REQUIRE(text.size() == 5);
  CHECK_THAT(text[0], StartsWith("engine,device,precision,threads,batch,n,min_ms,p50_ms,p90_ms,"
                                 "p99_ms,images_per_s,gflops,peak_percent,load_ms,peak_rss_mib,"
                                 "max_rel_error"));
  CHECK_THAT(text[1], StartsWith("lamina,cpu,fp32,1,1,"));
  CHECK_THAT(text[4], StartsWith("lamina,cpu,fp32,2,3,"));
}

TEST_CASE("bench: every mode gives rows whose answers were checked", "[tools][bench]") {
  const Workplace place;
  const Outcome outcome = bench(place, {"-q", "--mode", "latency,throughput,load,layers,e2e", "-i",
                                        ".", "-b", "2", "--format", "jsonl"});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  std::vector<std::string> modes;
  for (const std::string& line : lines(outcome.out)) {
    const json object = json::parse(line);
    modes.push_back(object["mode"]);
    CHECK(object["max_rel_error"].get<double>() < 1e-5);
    CHECK(object["n"].get<int>() >= 1);
    CHECK(object["min_ms"].get<double>() <= object["p50_ms"].get<double>());
    CHECK(object["p50_ms"].get<double>() <= object["p99_ms"].get<double>());
  }
  for (const char* mode : {"latency", "throughput", "load", "e2e"}) {
    CHECK(std::count(modes.begin(), modes.end(), mode) == 1);
  }
  CHECK(std::count(modes.begin(), modes.end(), "layers") >= 5);
}

TEST_CASE("bench: JSON is one array, Markdown one table", "[tools][bench]") {
  const Workplace place;
  const json rows = json::parse(bench(place, {"-q", "-b", "1,2", "--format", "json"}).out);
  REQUIRE(rows.size() == 2);
  CHECK(rows[1]["batch"] == 2);
  CHECK(rows[0]["gpu_min_ms"].is_null());
  const auto table = lines(bench(place, {"-q", "-o", "rows.md"}).out);
  CHECK(table.empty());
  CHECK(place.names() ==
        std::vector<std::string>{"a.bmp", "b.bmp", "c.bmp", "model.lamina", "rows.md"});
}

TEST_CASE("bench: --plan says what each layer is expected to take", "[tools][bench]") {
  const Workplace place;
  const json rows = json::parse(bench(place, {"-q", "--plan", "--format", "json"}).out);
  int convolutions = 0;
  for (const json& row : rows) {
    CHECK(row["mode"] == "layers");
    const bool planned = !row["gflops"].is_null();  // it multiplies
    CHECK(row["expected_ms"].is_null() != planned);
    if (planned) CHECK(row["expected_ms"].get<double>() > 0);
    convolutions += planned ? 1 : 0;
  }
  CHECK(convolutions >= 2);
}

TEST_CASE("bench: takes turns with another program, which says when and how long",
          "[tools][bench]") {
  const Workplace place;
  serialization::save_npy(Tensor::full({3, 3, 16, 16}, 0.5f), place / "images.npy");
  const std::vector<std::string> arguments{
      "turns", "-q", "-m", "model.lamina", "--input", "images.npy", "-o", "logits.npy", "-t", "1"};
  const Outcome outcome =
      run("lamina-bench", arguments, {.input = "0\n0.01\n", .directory = place / ""});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto text = lines(outcome.out);
  REQUIRE(text.size() == 3);
  CHECK(json::parse(text[0])["fma_gflops"].get<double>() > 0);
  CHECK(json::parse(text[1])["ms"].size() == 1);
  CHECK(json::parse(text[2])["ms"].size() >= 1);
  CHECK(serialization::load_npy(place / "logits.npy").shape() == Shape{3, 5});

  const Outcome wrong =
      run("lamina-bench", arguments, {.input = "soon\n", .directory = place / ""});
  CHECK(wrong.status == 2);
  CHECK_THAT(wrong.err, Contains("\"soon\" is no number of seconds: stdin"));
  CHECK_THAT(run("lamina-bench", {"turns", "-q", "-m", place.model()}).err,
             Contains("no images: turns"));
}

TEST_CASE("bench: mistakes are told", "[tools][bench][errors]") {
  const Workplace place;
  const auto fails = [&](std::vector<std::string> arguments, int status, const char* what) {
    const Outcome outcome = bench(place, std::move(arguments));
    CHECK(outcome.status == status);
    CHECK_THAT(outcome.err, Contains(what));
    CHECK(outcome.out.empty());
  };
  fails({"-b", "0"}, 2, "'0' is not a whole number from 1 to 4096: --batch");
  fails({"--mode", "latencies"}, 2, "did you mean 'latency'?");
  fails({"--mode", "e2e"}, 2, "no pictures: --mode e2e");
  fails({"-m", "vgg11", "--mode", "load"}, 2, "nothing to load: --mode load");
  fails({"--precision", "fp16"}, 2, "'fp16' is not available on cpu: --precision");
  fails({"compare", "a.json"}, 2, "two files are compared");
}

TEST_CASE("bench compare: a change is what is larger than the noise", "[tools][bench]") {
  const Workplace place;
  write_text(place / "a", row("10", "1") + row("10", "1", "8") + row("10", "0.1", "16"));
  write_text(place / "b", row("10.2", "1") + row("7", "1", "8") + row("10.2", "0.1", "16"));
  const Outcome outcome = run("lamina-bench", {"compare", place / "a", place / "b"});
  CHECK(outcome.status == 0);
  const auto text = lines(outcome.out);
  REQUIRE(text.size() == 4);
  CHECK_THAT(text[1], StartsWith("lamina cpu t2 b1") && Contains("1.020  within noise (+-3.0 %)"));
  CHECK_THAT(text[2], Contains("0.700  faster"));
  CHECK_THAT(text[3], Contains("1.020  slower"));
}

TEST_CASE("bench compare: files that are not rows are named", "[tools][bench][errors]") {
  const Workplace place;
  write_text(place / "a", row("10", "1"));
  write_text(place / "b", row("10", "1", "8"));
  write_text(place / "c", "hello\n");
  CHECK(run("lamina-bench", {"compare", place / "a", place / "b"}).status == 1);
  const Outcome broken = run("lamina-bench", {"compare", place / "a", place / "c"});
  CHECK(broken.status == 3);
  CHECK_THAT(broken.err, Contains("not a row") && Contains("/c:1"));
  CHECK(run("lamina-bench", {"compare", place / "a", place / "none"}).status == 3);
}
