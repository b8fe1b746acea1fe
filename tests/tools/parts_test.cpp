// Parts of the programs that can be looked at without running one.
#include "tools/support/option_values.h"
#include "tools/support/text.h"
#include "tools/vgg16_infer/image_queue.h"
#include "tools/vgg16_infer/inputs.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace lamina::tools;

TEST_CASE("text: JSON strings are valid whatever the bytes", "[tools][text]") {
  CHECK(json_string("a\"b\\c\n") == R"("a\"b\\c\n")");
  CHECK(json_string("x\xff") == "\"x\xef\xbf\xbd\"");
  CHECK(json_number(0.1F) == "0.1");
  CHECK(json_number(std::nanf("")) == "null");
}

TEST_CASE("text: units and tables", "[tools][text]") {
  CHECK(with_commas(138357544) == "138,357,544");
  CHECK(with_commas(-1000) == "-1,000");
  CHECK(with_commas(-100) == "-100");
  CHECK(with_commas(999) == "999");
  CHECK(human_bytes(17) == "17 B");
  CHECK(human_bytes(528.0 * 1024 * 1024) == "528 MiB");
  CHECK(human_seconds(3722) == "1:02:02");
  CHECK(split("a,,b,", ',') == std::vector<std::string>{"a", "", "b", ""});
  Table table({"name", ">n"});
  table.add({"\xc3\xa4", "10"});
  CHECK(table.text() == "name   n\n\xc3\xa4     10\n");
}

TEST_CASE("options: sizes have decimal and binary units", "[tools][text]") {
  std::int64_t bytes = 0;
  const Option::Set set = byte_size(bytes);
  const std::pair<const char*, std::int64_t> good[] = {
      {"17", 17}, {"500MB", 500'000'000}, {"1.5KB", 1500}, {"2GiB", std::int64_t{2} << 30}};
  for (const auto& [text, expected] : good) {
    set(text);
    CHECK(bytes == expected);
  }
  for (const char* text : {"", "0", "GB", "2 GB", "-1MB", "2gb", "1e30", "9999999999TB", "0.1"}) {
    INFO(text);
    CHECK_THROWS_AS(set(text), BadValue);
  }
}

TEST_CASE("inputs: the hash of a path never changes", "[tools][inputs]") {
  // A job that is split today must be split alike by next year's version.
  CHECK(stable_hash("") == 0xecba3df2c3383c52U);
  CHECK(stable_hash("a.jpg") == 0x8e1b1507fe4c011cU);
}

TEST_CASE("image queue: gives every input once, in order, however many workers", "[tools][queue]") {
  std::vector<Input> inputs;
  for (int i = 0; i < 100; ++i) inputs.push_back({"none" + std::to_string(i), ""});
  for (const int workers : {1, 4}) {
    ImageQueue queue(inputs, {.transforms = {}, .decode = {}, .workers = workers, .ahead = 3});
    for (const Input& input : inputs) {
      const auto image = queue.next();
      REQUIRE(image.has_value());
      CHECK(image->input == &input);
      CHECK_FALSE(image->error.empty());
    }
    CHECK_FALSE(queue.next().has_value());
  }
}

TEST_CASE("image queue: may be left before its end", "[tools][queue]") {
  const std::vector<Input> inputs(50, Input{"none", ""});
  ImageQueue queue(inputs, {.transforms = {}, .decode = {}, .workers = 2, .ahead = 4});
  CHECK(queue.next().has_value());
}
