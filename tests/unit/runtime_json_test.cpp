// SPDX-License-Identifier: Apache-2.0
// Our reading of JSON against that of a library that builds trees.
#include <array>
#include <random>
#include <string>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "json_parts.h"

namespace throttlelens::runtime {
namespace {

using nlohmann::json;

std::optional<std::string_view> member(std::string_view text, std::string_view name) {
  std::array wanted{JsonMember{.name = name, .value = {}}};
  if (!find_members(text, wanted)) return std::nullopt;
  return wanted[0].value;
}

TEST_CASE("a member is found where it stands") {
  CHECK(member(R"({"a":1,"b":{"c":[1,2]}})", "b") == R"({"c":[1,2]})");
  CHECK(member(R"( { "a" : "x" } )", "a") == R"("x")");
  CHECK(member(R"({"a":{"b":1}})", "b") == "");
  CHECK(member("{}", "a") == "");
  CHECK(member(R"({"\u0061b":true})", "ab") == "true");
  CHECK(member(R"({"a\"b":true,"a\\":1})", "a\"b") == "true");
  CHECK(member(R"({"abc":1,"a":2})", "ab") == "");
}

TEST_CASE("of members by one name the last counts") {
  CHECK(member(R"({"a":1,"b":0,"a":2})", "a") == "2");
}

TEST_CASE("what is no JSON object is refused") {
  for (const char* text : {"",
                           " ",
                           "[]",
                           "null",
                           "1",
                           "\"a\"",
                           "{",
                           "{\"a\"",
                           "{\"a\":",
                           "{\"a\":1",
                           "{\"a\":1,}",
                           "{\"a\":1}}",
                           "{\"a\":1} x",
                           "{a:1}",
                           "{\"a\":01}",
                           "{\"a\":1.}",
                           "{\"a\":.5}",
                           "{\"a\":1e}",
                           "{\"a\":-}",
                           "{\"a\":+1}",
                           "{\"a\":tru}",
                           "{\"a\":\"\n\"}",
                           "{\"a\":\"\\x\"}",
                           "{\"a\":\"\\u12g4\"}",
                           "{\"a\":\"\\u12",
                           "{\"a\":\"\\",
                           "{\"a\" 1}",
                           "{\"a\":1 \"b\":2}",
                           "{'a':1}",
                           "{\"a\":[1,]}",
                           "{\"a\":[1 2]}",
                           "\xef\xbb\xbf{}"}) {
    INFO(text);
    CHECK_FALSE(member(text, "a"));
  }
  CHECK_FALSE(member(std::string_view("{\0}", 3), "a"));
  CHECK_FALSE(member(std::string_view("{}\0", 3), "a"));
}

TEST_CASE("nesting is followed 64 deep, and no deeper") {
  const auto nested = [](std::size_t depth) {
    return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  CHECK(member(nested(64), "a"));
  CHECK_FALSE(member(nested(65), "a"));
  CHECK_FALSE(member("{\"a\":" + std::string(1000000, '['), "a"));
}

TEST_CASE("strings are unescaped") {
  const auto text = [](std::string_view value) { return json_string(value, 100); };
  CHECK(text(R"("a\"\\\/\b\f\n\r\tz")") == "a\"\\/\b\f\n\r\tz");
  CHECK(text(R"("\u0041\u00e9\u20ac\ud83d\ude00")") == "A\u00e9\u20ac\U0001f600");
  CHECK(text(R"("\u0000")") == std::string(1, '\0'));
  CHECK(text("\"\xff\xc3\"") == "\xff\xc3");  // bytes are taken as they are
  for (const char* alone : {R"("\ud83d")", R"("\ude00")", R"("\ud83d\ud83d")"}) {
    CHECK(text(alone)->starts_with("\ufffd"));
  }
  CHECK(text(R"("\ud83dx")") == "\ufffdx");
  CHECK(text(R"("\ud83d\n")") == "\ufffd\n");
  CHECK_FALSE(text("\"a\"b"));
  CHECK_FALSE(text("1"));
  CHECK_FALSE(text(""));
  CHECK_FALSE(text("null"));
  CHECK(json_string("\"abc\"", 3) == "abc");
  CHECK_FALSE(json_string("\"abcd\"", 3));
}

TEST_CASE("whole numbers are read") {
  CHECK(json_unsigned("0") == 0);
  CHECK(json_unsigned("18446744073709551615") == UINT64_MAX);
  for (const char* text : {"", "-1", "1.0", "1e3", "18446744073709551616", "\"1\"", "null"}) {
    CHECK_FALSE(json_unsigned(text));
  }
}

TEST_CASE("the elements of an array are found where they stand") {
  const auto elements = json_elements(R"( [1, "a,]" ,{"b":[2]},[] ] )");
  REQUIRE(elements);
  CHECK(*elements == std::vector<std::string_view>{"1", R"("a,]")", R"({"b":[2]})", "[]"});
  CHECK(json_elements("[]")->empty());
  for (const char* text : {"", "[", "[1", "[1,]", "{}", "[1]]", "null"}) {
    CHECK_FALSE(json_elements(text));
  }
}

class RandomText {
 public:
  explicit RandomText(unsigned seed) : random_(seed) {}

  unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }

  std::string object(int depth) {
    std::string out = "{" + space();
    for (unsigned n = below(5); n > 0; --n) {
      out += name() + space() + ":" + space() + value(depth + 1) + space();
      if (n > 1) out += "," + space();
    }
    return out + "}";
  }
  std::string name() { return "\"" + std::string(1, "abcd"[below(4)]) + "\""; }

 private:
  std::string space() {
    static constexpr std::array<const char*, 6> kSpaces{"", "", "", " ", "\n\t", "\r\n  "};
    return kSpaces[below(kSpaces.size())];
  }
  std::string value(int depth) {
    static constexpr std::array<const char*, 10> kPlain{
        "true", "false", "null", "0", "-0", "17", "-3.25", "1e5", "2E-3", "18446744073709551615"};
    const unsigned kind = below(depth > 4 ? 6 : 10);
    if (kind < 3) return kPlain[below(kPlain.size())];
    if (kind < 6) return string();
    if (kind < 8) return object(depth);
    std::string out = "[" + space();
    for (unsigned n = below(4); n > 0; --n) out += value(depth + 1) + (n > 1 ? "," : "") + space();
    return out + "]";
  }
  std::string string() {
    static constexpr std::array<const char*, 14> kPieces{
        "a",    "Z9",   " ",   "{",   "]",       ":",       ",",
        "\\\"", "\\\\", "\\n", "\\/", "\\u0041", "\\u20AC", "\xc3\xa9"};
    std::string out = "\"";
    for (unsigned n = below(6); n > 0; --n) out += kPieces[below(kPieces.size())];
    return out + "\"";
  }

  std::mt19937 random_;
};

void compare(std::string_view text, const json& tree) {
  for (const std::string_view name : {"a", "b", "c", "d"}) {
    const auto found = member(text, name);
    REQUIRE(found);
    const auto expected = tree.find(name);
    REQUIRE(found->empty() == (expected == tree.end()));
    if (found->empty()) continue;
    REQUIRE(json::parse(*found) == *expected);
    if (expected->is_string()) {
      REQUIRE(json_string(*found, 1000) == expected->get<std::string>());
    } else if (expected->is_object()) {
      compare(*found, *expected);
    } else if (expected->is_array()) {
      const auto elements = json_elements(*found);
      REQUIRE(elements);
      REQUIRE(elements->size() == expected->size());
      for (std::size_t i = 0; i < elements->size(); ++i) {
        REQUIRE(json::parse((*elements)[i]) == (*expected)[i]);
      }
    } else if (expected->is_number_unsigned() && *found != "-0") {
      REQUIRE(json_unsigned(*found) == expected->get<std::uint64_t>());
    }
  }
}

TEST_CASE("random documents read as the library reads them") {
  RandomText random(3);
  for (int round = 0; round < 20000; ++round) {
    const std::string text = random.object(0);
    INFO(text);
    compare(text, json::parse(text));
  }
}

std::optional<bool> library_accepts(const std::string& text) {
  try {
    return json::parse(text).is_object();
  } catch (const json::out_of_range&) {
    return std::nullopt;  // stopped at a number too large for it
  } catch (const json::parse_error&) {
    return false;
  }
}

TEST_CASE("damaged documents are refused where the library refuses them") {
  // No letter here makes half of a surrogate pair, which only the library minds.
  constexpr std::string_view kBytes = "{}[]\",:\\ 0123456789e+-.tfnu\n\t\x01";
  RandomText random(5);
  int refused = 0;
  for (int round = 0; round < 40000; ++round) {
    std::string text = random.object(0);
    std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
    for (unsigned n = 1 + random.below(2); n > 0; --n) {
      const std::size_t where = random.below(static_cast<unsigned>(text.size()));
      const char byte = kBytes[random.below(kBytes.size())];
      const unsigned kind = random.below(3);
      if (kind == 0) text[where] = byte;
      if (kind == 1) text.insert(where, 1, byte);
      if (kind == 2) text.erase(where, 1);
      if (text.empty()) text = "x";
    }
    INFO(text);
    const bool valid = member(text, "a").has_value();
    if (const auto expected = library_accepts(text)) REQUIRE(valid == *expected);
    refused += valid ? 0 : 1;
  }
  CHECK(refused > 10000);
}

}  // namespace
}  // namespace throttlelens::runtime
