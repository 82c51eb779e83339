// SPDX-License-Identifier: Apache-2.0
// Listens to the parser's events instead of loading YAML::Node: a node graph forgets where keys
// were written, merges duplicates silently and lets aliases multiply.
#include "yaml_tree.h"

#include <algorithm>
#include <array>
#include <exception>
#include <ranges>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "open_quote.h"
#include "text_check.h"

namespace throttlelens::config {
namespace {

// The configuration is three levels deep. Far below the depth at which recursion would hurt.
constexpr std::size_t kDeepest = 16;

// Ends every text before it reaches the parser, so that yaml-cpp 0.7 reports an unclosed double
// quote, which it accepts at the end of a file, and never finds itself without a token.
constexpr std::string_view kEnd = "\n...\n";

constexpr std::string_view kNoReferences =
    "anchors and aliases (&name, *name) are not supported; write the value out, in quotes when it "
    "starts with & or *";

/// Leaves the parser; what happened is in the problems.
struct Stop {};

/// Translates the parser's positions, which count bytes, into what an editor shows.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {
    starts_.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') starts_.push_back(i + 1);
    }
    // What follows the last line end is a line only when something is there.
    if (starts_.size() > 1 && starts_.back() == text.size()) starts_.pop_back();
  }

  bool is_end(const YAML::Mark& mark) const {
    return mark.line >= 0 && static_cast<std::size_t>(mark.line) >= starts_.size();
  }

  Place place(const YAML::Mark& mark) const {
    if (mark.is_null() || mark.line < 0 || mark.column < 0) return {};
    if (is_end(mark)) return place(starts_.size() - 1, std::string_view::npos);
    return place(static_cast<std::size_t>(mark.line), static_cast<std::size_t>(mark.column));
  }

  Place place(std::size_t offset) const {
    const auto after = std::ranges::upper_bound(starts_, offset);
    const auto line = static_cast<std::size_t>(after - starts_.begin()) - 1;
    return place(line, offset - starts_[line]);
  }

 private:
  /// `line` and `bytes` into it, both from 0.
  Place place(std::size_t line, std::size_t bytes) const {
    std::string_view before = text_.substr(starts_[line]);
    before = before.substr(0, before.find_first_of("\r\n")).substr(0, bytes);
    const auto characters = std::ranges::count_if(
        before, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; });
    return {.line = static_cast<int>(line) + 1, .column = static_cast<int>(characters) + 1};
  }

  std::string_view text_;
  std::vector<std::size_t> starts_;
};

YamlNode node_of(YamlNode::Kind kind, Place place) {
  YamlNode node;
  node.kind = kind;
  node.place = place;
  return node;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const Lines& lines, Problems& problems) : lines_(lines), problems_(problems) {}

  YamlNode take_root() { return std::move(root_); }

  /// The innermost "[" or "{" still open; no place when none is.
  Place open_bracket() const {
    for (const auto& open : open_ | std::views::reverse) {
      if (open.flow) return open.node.place;
    }
    return {};
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 1) return;
    problems_.add(lines_.place(mark),
                  "a second document starts here, or a line is indented less than the first key; "
                  "a configuration file is one document whose sections start in the first column");
    // Reading on could last forever: the parser does not step over tokens it cannot place.
    throw Stop{};
  }
  void OnDocumentEnd() override {}

  void OnAnchor(const YAML::Mark& mark, const std::string& /*name*/) override {
    refuse_reference(lines_.place(mark));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    const Place place = lines_.place(mark);
    refuse_reference(place);
    add(node_of(YamlNode::Kind::refused, place));
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    add(node_of(YamlNode::Kind::nothing, lines_.place(mark)));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                const std::string& value) override {
    const Place place = lines_.place(mark);
    refuse_tag(tag, place);
    YamlNode node = node_of(YamlNode::Kind::text, place);
    node.text = value;
    node.quoted = tag == "!";
    add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value style) override {
    open(YamlNode::Kind::list, mark, tag, style);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value style) override {
    open(YamlNode::Kind::map, mark, tag, style);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    bool flow;
  };

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::EmitterStyle::value style) {
    const Place place = lines_.place(mark);
    refuse_tag(tag, place);
    if (open_.size() == kDeepest) {
      problems_.add(place,
                    "nested too deeply; the configuration has sections, keys and lists of "
                    "values, nothing deeper");
      throw Stop{};
    }
    open_.push_back({.node = node_of(kind, place), .flow = style == YAML::EmitterStyle::Flow});
  }

  void close() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
  }

  void add(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    YamlNode& parent = open_.back().node;
    const bool key =
        parent.kind == YamlNode::Kind::map && parent.keys.size() == parent.items.size();
    (key ? parent.keys : parent.items).push_back(std::move(node));
  }

  void refuse_reference(Place place) { problems_.add(place, std::string(kNoReferences)); }

  void refuse_tag(const std::string& tag, Place place) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    problems_.add(place,
                  "tags (!name, !!name) are not supported; remove it, or put a value that "
                  "starts with ! in quotes");
  }

  const Lines& lines_;
  Problems& problems_;
  YamlNode root_;
  std::vector<Open> open_;
  int documents_ = 0;
};

struct Advice {
  std::string_view parser_says;
  std::string_view fix;
};
constexpr std::array kAdvice{
    Advice{.parser_says = "illegal map value",
           .fix = "\":\" is not allowed here; check the indentation, and put a value that "
                  "contains \": \" in quotes"},
    Advice{.parser_says = "end of map not found",
           .fix = "this does not belong to the keys above; check its indentation, and that it is "
                  "\"key: value\""},
    Advice{.parser_says = "end of sequence not found",
           .fix = "this does not belong to the list above; check its indentation, and that it "
                  "starts with \"- \""},
    Advice{.parser_says = "end of map flow not found", .fix = R"(expected "," or "}" here)"},
    Advice{.parser_says = "end of sequence flow not found", .fix = R"(expected "," or "]" here)"},
    Advice{.parser_says = "the referenced anchor is not defined", .fix = kNoReferences},
    Advice{.parser_says = "unknown token",
           .fix = "a value must not start with this character; put it in quotes"},
};

void report(const YAML::Exception& error, std::string_view text, const Lines& lines,
            const TreeBuilder& builder, Problems& problems) {
  // What is never closed the parser notices only at the end; point to where it was opened.
  if (lines.is_end(error.mark)) {
    const bool quote = error.msg.ends_with("in scalar");
    const std::size_t offset = quote ? open_quote(text) : std::string_view::npos;
    if (offset != std::string_view::npos) {
      problems.add(lines.place(offset), "this quotation mark is never closed; close it");
      return;
    }
    if (!quote && builder.open_bracket().line > 0) {
      problems.add(builder.open_bracket(), "this bracket is never closed; close it");
      return;
    }
  }
  const Place place = lines.place(error.mark);
  const auto* const advice = std::ranges::find_if(
      kAdvice, [&error](const Advice& a) { return error.msg.starts_with(a.parser_says); });
  problems.add(place, advice != kAdvice.end()
                          ? std::string(advice->fix)
                          : "not valid YAML: " + error.msg +
                                "; check quotes, brackets and indentation here");
}

}  // namespace

std::optional<YamlNode> read_yaml(std::string_view text, Problems& problems) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (!check_text(text, problems)) return std::nullopt;

  const Lines lines(text);
  TreeBuilder builder(lines, problems);
  try {
    std::istringstream stream{std::string(text) + std::string(kEnd)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.take_root();
  } catch (const Stop&) {
    return std::nullopt;
  } catch (const YAML::Exception& error) {
    report(error, text, lines, builder, problems);
  } catch (const std::exception& error) {
    problems.add({}, std::string("cannot be read as YAML: ") + error.what());
  }
  return std::nullopt;
}

}  // namespace throttlelens::config
