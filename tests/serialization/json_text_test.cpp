#include "serialization/json_text.h"

#include "tests/serialization/format_matchers.h"

#include <catch2/catch.hpp>

#include <string>

using namespace lamina;
using namespace lamina::serialization;
using namespace lamina::test;

TEST_CASE("json_text: members and elements are slices of the text", "[serialization][json]") {
  const std::string text = R"( { "a" : [1, {"b":"]}"} ] , "q\"\u00e9" : "x,\"y" , "n":-1.5e3 } )";
  check_json(text, "text", "file");
  const JsonMembers members = json_members(text).value();
  REQUIRE(members.size() == 3);
  CHECK(members[0].first == "a");
  CHECK(members[0].second == R"([1, {"b":"]}"} ])");
  CHECK(members[1].first == "q\"\xc3\xa9");
  CHECK(json_string(members[1].second) == "x,\"y");
  CHECK(members[2].second == "-1.5e3");
  CHECK(find_member(members, "n") == "-1.5e3");
  CHECK(find_member(members, "none").empty());
  std::vector<std::string_view> elements;
  const auto collect = [&](std::string_view element) { elements.push_back(element); };
  CHECK(for_each_element(members[0].second, collect));
  REQUIRE(elements.size() == 2);
  CHECK(elements[1] == R"({"b":"]}"})");
  CHECK(for_each_element("[ ]", collect));
  CHECK(elements.size() == 2);
  CHECK(json_members("{ }").value().empty());
}

TEST_CASE("json_text: a value of another kind is nothing", "[serialization][json]") {
  CHECK_FALSE(json_members("[1]"));
  CHECK_FALSE(for_each_element("{}", [](std::string_view) {}));
  CHECK_FALSE(for_each_element("\"[]\"", [](std::string_view) {}));
  CHECK_FALSE(json_string("1"));
  CHECK_FALSE(json_integer("1.0"));
  CHECK_FALSE(json_integer("\"1\""));
  CHECK_FALSE(json_integer("null"));
  CHECK_FALSE(json_integer(""));
  CHECK_FALSE(json_integer("9223372036854775808"));
  CHECK(json_integer("9223372036854775807").has_value());
  CHECK_FALSE(json_integers("[1,2.5]"));
  CHECK(json_integers("[ -1 , 2 ]") == std::vector<std::int64_t>{-1, 2});
}

TEST_CASE("json_text: what a reader must not meet is refused", "[serialization][json]") {
  const auto check = [](const std::string& text) { check_json(text, "text", "FILE"); };
  CHECK_NOTHROW(check(std::string(64, '[') + std::string(64, ']')));
  CHECK_THROWS_MATCHES(check(std::string(65, '[') + std::string(65, ']')), FormatError,
                       breaks(FormatErrc::limit, "more than 64 levels: FILE"));
  // Deep enough to overflow the stack of a parser that recurses.
  CHECK_THROWS_AS(check(std::string(1'000'000, '[')), FormatError);
  CHECK_THROWS_MATCHES(check(R"({"a":1,"\u0061":2})"), FormatError,
                       breaks(FormatErrc::duplicate_name, "key 'a' of the text: FILE"));
  CHECK_NOTHROW(check(R"([{"a":1},{"a":2}])"));
  CHECK_NOTHROW(check(R"({"a":{"a":[{"a":-0.5E+2},{"a":1e-999}]},"b":"\ud83d\ude00"} )"));
  for (const char* bad : {"",
                          "{",
                          "[1,]",
                          "[1}",
                          "{\"a\"}",
                          "{1:2}",
                          "[01]",
                          "[-]",
                          "[1.]",
                          "[1e]",
                          "[+1]",
                          "nul",
                          "nulls",
                          "[1] 2",
                          "[1 2]",
                          "\"\xff\"",
                          "\"",
                          "\"\\",
                          "\"\\x\"",
                          "\"\\u12g4\"",
                          "\"\\ud800\"",
                          "\"\\ud800\\u0041\"",
                          "\"\\udc00\"",
                          "\"\n\"",
                          "1e999",
                          "\xef\xbb\xbf[]"}) {
    INFO(bad);
    CHECK_THROWS_MATCHES(check(bad), FormatError, breaks(FormatErrc::bad_json, "bad JSON: text"));
  }
}

TEST_CASE("json_text: quoted text reads back", "[serialization][json]") {
  const std::string text = "a\"b\\c\n\x01\xc3\xa9/";
  CHECK(json_quote(text) == R"("a\"b\\c\n\u0001é/")");
  CHECK(json_string(json_quote(text)) == text);
  CHECK(json_string(R"("\u0041\u00e9\u20ac\ud83d\ude00\/\b\f\r\t")") == "Aé€😀/\b\f\r\t");
}
