// The machine that reads pickles: its instructions, and what bounds it.
#include "serialization/pickle/policy.h"
#include "serialization/pickle/unpickler.h"
#include "serialization/pth/torch_environment.h"
#include "tests/serialization/format_matchers.h"
#include "tests/support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace lamina::serialization::pickle {
namespace {

using namespace std::literals;
using test::breaks;

// One pickle with all that its values need to live.
class Reading {
 public:
  explicit Reading(std::string bytes) : bytes_(std::move(bytes)) {}

  Value load() { return Unpickler(cursor_, arena_, environment_).load(); }
  std::size_t left() const { return cursor_.left(); }

 private:
  std::string bytes_;
  std::filesystem::path file_ = "test.pkl";
  Arena arena_{std::int64_t{1} << 20};
  TorchEnvironment environment_{nullptr};
  ByteCursor cursor_{std::as_bytes(std::span(bytes_.data(), bytes_.size())), "data.pkl", file_};
};

std::int64_t integer(std::string bytes) {
  const Value value = Reading(std::move(bytes)).load();
  REQUIRE(value.is(Kind::integer));
  return value.integer;
}

std::string text(std::string bytes) {
  Reading reading(std::move(bytes));
  const Value value = reading.load();
  REQUIRE(value.is(Kind::string));
  return std::string(value.view());
}

FormatErrc code_of(std::string bytes) {
  try {
    (void)Reading(std::move(bytes)).load();
  } catch (const FormatError& error) {
    return error.code();
  }
  FAIL("was read");
  return {};
}

TEST_CASE("pickle: whole numbers of every width and sign", "[serialization][pickle]") {
  CHECK(integer("K\xff."s) == 255);
  CHECK(integer("M\xff\xff."s) == 65535);
  CHECK(integer("J\xff\xff\xff\xff."s) == -1);
  CHECK(integer("I-12\n."s) == -12);
  CHECK(integer("L123456789012L\n."s) == 123456789012);
  CHECK(integer("\x8a\0."s) == 0);
  CHECK(integer("\x8a\x01\xff."s) == -1);
  CHECK(integer("\x8a\x02\xff\0."s) == 255);
  CHECK(integer("\x8b\x08\0\0\0\0\0\0\0\0\0\0\x80."s) == std::numeric_limits<std::int64_t>::min());
  CHECK(Reading("\x8a\x09\0\0\0\0\0\0\0\0\x01."s).load().is(Kind::big_integer));
  CHECK(Reading("I01\n."s).load().is(Kind::boolean));
}

TEST_CASE("pickle: real numbers are big-endian, or text", "[serialization][pickle]") {
  CHECK(Reading("G\xc0\x04\0\0\0\0\0\0."s).load().real == -2.5);
  CHECK(Reading("F1.5e3\n."s).load().real == 1500.0);
}

TEST_CASE("pickle: texts of every protocol", "[serialization][pickle]") {
  CHECK(text("U\x02hi."s) == "hi");
  CHECK(text("X\x02\0\0\0hi."s) == "hi");
  CHECK(text("\x8c\x02hi."s) == "hi");
  CHECK(text("\x8d\x02\0\0\0\0\0\0\0hi."s) == "hi");
  CHECK(text("S'it\\'s \\x41\\n\\101'\n."s) == "it's A\nA");
  CHECK(text("Vcaf\xe9 \\u20ac\\U0001f600\n."s) == "caf\u00e9 \u20ac\U0001f600");
  CHECK(code_of("Snone\n."s) == FormatErrc::bad_field);
  CHECK(code_of("S'\\q'\n."s) == FormatErrc::bad_field);
}

TEST_CASE("pickle: containers", "[serialization][pickle]") {
  Reading tuples("(K\x01K\x02tK\x03\x86."s);
  const Value pair = tuples.load();
  REQUIRE(pair.length == 2);
  CHECK(pair.tuple()[0].tuple()[1].integer == 2);

  Reading dicts(
      "}(U\x01"
      "aK\x01U\x01"
      "aK\x02u."s);
  const Value dict = dicts.load();
  REQUIRE(as<Dict>(dict) != nullptr);
  CHECK(find(*as<Dict>(dict), "a")->integer == 2);  // the last one counts

  Reading lists(
      "](K\x01K\x02"
      "eK\x03"
      "a."s);
  CHECK(as<List>(lists.load())->items.size() == 3);
}

TEST_CASE("pickle: the memo gives back what was put last", "[serialization][pickle]") {
  CHECK(integer("K\x01q\0000K\x02q\0000h\0."s) == 2);
  CHECK(integer("K\x07\x94"
                "0h\0."s) == 7);
  CHECK(code_of("h\x05."s) == FormatErrc::bad_field);
  CHECK(code_of("Nr\xff\xff\xff\x7f."s) == FormatErrc::limit);
}

TEST_CASE("pickle: an unknown class is a record with its state", "[serialization][pickle]") {
  Reading reading(
      "cmy.models\nNet\n)\x81}U\x01"
      "aK\x05sb."s);
  const Value value = reading.load();
  const Record* const record = as<Record>(value);
  REQUIRE(record != nullptr);
  CHECK(full_name(*record->type) == "my.models.Net");
  CHECK(find(*as<Dict>(record->state), "a")->integer == 5);
}

TEST_CASE("pickle: a call of an unknown function is refused by name", "[serialization][pickle]") {
  for (const std::string& bytes :
       {"cmy\nrun\n)R."s, "(imy\nrun\n."s, "(cmy\nrun\no."s, "cmy\nrun\n)}\x92."s, "cmy\nrun\n}b."s,
        "cmy\nNet\n)\x81}U\x0c__setstate__cmy\nrun\nsb."s}) {
    CHECK_THROWS_MATCHES(Reading(bytes).load(), FormatError, breaks(FormatErrc::unsafe, "my.run"));
  }
  CHECK(code_of("\x82\x01."s) == FormatErrc::unsafe);
}

TEST_CASE("pickle: names that no weights need are refused where they stand",
          "[serialization][pickle]") {
  CHECK_THROWS_MATCHES(Reading("cos\nsystem\n."s).load(), FormatError,
                       breaks(FormatErrc::unsafe, "os.system"));
  CHECK(is_never_data("os", "path.exists"));
  CHECK(is_never_data("os.path", "exists"));
  CHECK(is_never_data("my.module", "Net.__globals__"));
  CHECK_FALSE(is_never_data("ossia", "Net"));
  CHECK_FALSE(is_never_data("torch.nn.functional", "relu"));
  CHECK_FALSE(is_never_data("my.module", "__Hidden"));
}

TEST_CASE("pickle: an end without a value, or with two, is an error", "[serialization][pickle]") {
  CHECK(code_of("."s) == FormatErrc::bad_field);
  CHECK(code_of("NN."s) == FormatErrc::bad_field);
  CHECK(code_of("N(."s) == FormatErrc::bad_field);
  CHECK(code_of("N"s) == FormatErrc::truncated);
  CHECK(code_of(""s) == FormatErrc::truncated);
  CHECK(code_of("X\xff\0\0\0hi."s) == FormatErrc::truncated);
  CHECK(code_of("\x80\x06N."s) == FormatErrc::unsupported_version);
  CHECK(code_of("\xffN."s) == FormatErrc::bad_field);
}

TEST_CASE("pickle: a mark is a floor that values below it are safe from",
          "[serialization][pickle]") {
  CHECK(code_of("N(00."s) == FormatErrc::bad_field);
  CHECK(code_of("N(\x85."s) == FormatErrc::bad_field);
  CHECK(code_of("t."s) == FormatErrc::bad_field);
}

TEST_CASE("pickle: a file of millions of instructions ends with an error",
          "[serialization][pickle]") {
  CHECK(code_of(std::string(10'000'000, '(')) == FormatErrc::limit);
  CHECK(code_of(std::string(10'000'000, ']')) == FormatErrc::limit);
  CHECK(code_of(std::string(10'000'000, 'N')) == FormatErrc::limit);
  std::string pairs;
  for (int i = 0; i < 5'000'000; ++i) pairs += "N0";
  CHECK(code_of(pairs) == FormatErrc::limit);
}

}  // namespace
}  // namespace lamina::serialization::pickle
