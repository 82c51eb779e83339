// SPDX-License-Identifier: Apache-2.0
#include "json_parts.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace throttlelens::runtime {
namespace {

constexpr int kDeepest = 64;
constexpr std::size_t kUnicodeDigits = 4;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Steps over values. Each step is false, and the position of no use, when the text is no JSON.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  std::size_t at() const { return at_; }
  std::string_view since(std::size_t start) const { return text_.substr(start, at_ - start); }

  void skip_space() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
  }
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool skip_string() {
    if (!take('"')) return false;
    for (;;) {
      const auto plain = [](char c) {
        return c != '"' && c != '\\' && static_cast<unsigned char>(c) >= ' ';
      };
      at_ = static_cast<std::size_t>(
          std::find_if_not(text_.begin() + static_cast<std::ptrdiff_t>(at_), text_.end(), plain) -
          text_.begin());
      if (take('"')) return true;
      if (!take('\\') || !skip_escape()) return false;
    }
  }

  bool skip_value(int depth) {
    switch (peek()) {
      case '{':
        return skip_object(depth, [](std::string_view, std::string_view) {});
      case '[':
        return skip_array(depth, [](std::string_view) {});
      case '"':
        return skip_string();
      case 't':
        return skip_word("true");
      case 'f':
        return skip_word("false");
      case 'n':
        return skip_word("null");
      default:
        return skip_number();
    }
  }

  /// `visit` gets the text of each name, with its quotes, and of each value.
  template <typename Visit>
  bool skip_object(int depth, Visit visit) {
    return skip_list(depth, '{', '}', [&] {
      const std::size_t name_at = at_;
      if (!skip_string()) return false;
      const std::string_view name = since(name_at);
      skip_space();
      if (!take(':')) return false;
      skip_space();
      const std::size_t value_at = at_;
      if (!skip_value(depth + 1)) return false;
      visit(name, since(value_at));
      return true;
    });
  }

  template <typename Visit>
  bool skip_array(int depth, Visit visit) {
    return skip_list(depth, '[', ']', [&] {
      const std::size_t value_at = at_;
      if (!skip_value(depth + 1)) return false;
      visit(since(value_at));
      return true;
    });
  }

 private:
  template <typename Item>
  bool skip_list(int depth, char open, char close, Item item) {
    if (depth >= kDeepest || !take(open)) return false;
    skip_space();
    if (take(close)) return true;
    for (;;) {
      if (!item()) return false;
      skip_space();
      if (take(close)) return true;
      if (!take(',')) return false;
      skip_space();
    }
  }

  bool skip_escape() {
    constexpr std::string_view kSimple = "\"\\/bfnrt";
    if (at_end()) return false;
    const char c = text_[at_++];
    if (c != 'u') return kSimple.find(c) != std::string_view::npos;
    const std::string_view digits = text_.substr(at_, kUnicodeDigits);
    at_ += digits.size();
    return digits.size() == kUnicodeDigits && std::ranges::all_of(digits, is_hex);
  }

  bool skip_word(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  bool skip_digits() {
    const std::size_t start = at_;
    while (is_digit(peek())) ++at_;
    return at_ != start;
  }

  bool skip_number() {
    take('-');
    if (!take('0') && !skip_digits()) return false;
    if (take('.') && !skip_digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      return skip_digits();
    }
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::uint32_t hex_value(std::string_view digits) {
  std::uint32_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

// One character of a valid string's inside: `take_code` for \u, else `take_byte`.
class Unescape {
 public:
  explicit Unescape(std::string_view inside) : rest_(inside) {}
  bool done() const { return rest_.empty(); }

  /// A byte above 0x7f stands for itself; all else is a code point.
  struct Item {
    std::uint32_t code;
    bool byte;
  };
  Item next() {
    const char c = take();
    if (c != '\\') return {.code = static_cast<unsigned char>(c), .byte = true};
    const char kind = take();
    if (kind != 'u') return {.code = static_cast<unsigned char>(simple(kind)), .byte = true};
    const std::uint32_t code = take_unit();
    if (code < kHigh || code >= kEnd) return {.code = code, .byte = false};
    // As Go: a surrogate without its other half is a replacement character.
    if (code >= kLow || !rest_.starts_with("\\u")) return {.code = kReplacement, .byte = false};
    const std::uint32_t low = hex_value(rest_.substr(2, kUnicodeDigits));
    if (low < kLow || low >= kEnd) return {.code = kReplacement, .byte = false};
    rest_.remove_prefix(2 + kUnicodeDigits);
    return {.code = 0x10000 + ((code - kHigh) << 10) + (low - kLow), .byte = false};
  }

 private:
  static constexpr std::uint32_t kHigh = 0xd800;
  static constexpr std::uint32_t kLow = 0xdc00;
  static constexpr std::uint32_t kEnd = 0xe000;
  static constexpr std::uint32_t kReplacement = 0xfffd;

  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  std::uint32_t take_unit() {
    const std::uint32_t unit = hex_value(rest_.substr(0, kUnicodeDigits));
    rest_.remove_prefix(kUnicodeDigits);
    return unit;
  }
  static char simple(char kind) {
    switch (kind) {
      case 'b':
        return '\b';
      case 'f':
        return '\f';
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      default:
        return kind;
    }
  }

  std::string_view rest_;
};

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  const auto tail = [&](int shift) { put(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | (code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    put(0xe0 | (code >> 12));
    tail(6);
    tail(0);
  } else {
    put(0xf0 | (code >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

std::string_view inside_quotes(std::string_view string) {
  return string.substr(1, string.size() - 2);
}

// Without a copy: names that are not looked for may be secret too.
bool same_name(std::string_view quoted, std::string_view name) {
  Unescape text(inside_quotes(quoted));
  for (const char c : name) {
    if (text.done() || text.next().code != static_cast<unsigned char>(c)) return false;
  }
  return text.done();
}

}  // namespace

bool find_members(std::string_view text, std::span<JsonMember> members) {
  Scanner scanner(text);
  scanner.skip_space();
  const bool valid = scanner.skip_object(0, [&](std::string_view name, std::string_view value) {
    for (JsonMember& member : members) {
      if (same_name(name, member.name)) member.value = value;
    }
  });
  scanner.skip_space();
  if (valid && scanner.at_end()) return true;
  for (JsonMember& member : members) member.value = {};
  return false;
}

std::optional<std::vector<std::string_view>> json_elements(std::string_view text) {
  std::vector<std::string_view> elements;
  Scanner scanner(text);
  scanner.skip_space();
  const bool valid =
      scanner.skip_array(0, [&](std::string_view element) { elements.push_back(element); });
  scanner.skip_space();
  if (!valid || !scanner.at_end()) return std::nullopt;
  return elements;
}

std::optional<std::string> json_string(std::string_view value, std::size_t most) {
  Scanner scanner(value);
  if (!scanner.skip_string() || !scanner.at_end()) return std::nullopt;
  std::string out;
  for (Unescape text(inside_quotes(value)); !text.done();) {
    const Unescape::Item item = text.next();
    if (item.byte) {
      out.push_back(static_cast<char>(item.code));
    } else {
      append_utf8(out, item.code);
    }
    if (out.size() > most) return std::nullopt;
  }
  return out;
}

std::optional<std::uint64_t> json_unsigned(std::string_view value) {
  std::uint64_t number = 0;
  const auto [last, failed] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (failed != std::errc() || last != value.data() + value.size()) return std::nullopt;
  return number;
}

}  // namespace throttlelens::runtime
