// SPDX-License-Identifier: Apache-2.0
#include "top_names.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace throttlelens {

namespace {

constexpr std::string_view kEnded = " (ended)";
constexpr std::size_t kIdDigits = 64;
constexpr std::size_t kShownDigits = 12;  // as docker, crictl and podman show
constexpr std::size_t kLeastName = 10;    // beside a note; with less room the note is cut too

constexpr std::string_view kGap = "...";

/// How short a part may become before the next one has to give way.
constexpr std::array<std::size_t, 3> kLeast{7, 14, 10};

/// `width` is not less than the gap's.
std::string head_cut(const std::string& text, std::size_t width) {
  return text.size() <= width ? text : text.substr(0, width - kGap.size()).append(kGap);
}

/// Both ends stay, the later one longer: the end of a path or name tells more.
std::string middle_cut(const std::string& text, std::size_t width) {
  if (text.size() <= width) return text;
  if (width <= kGap.size()) return text.substr(text.size() - width);
  const std::size_t head = (width - kGap.size()) * 2 / 5;
  const std::size_t tail = width - kGap.size() - head;
  return text.substr(0, head).append(kGap).append(text, text.size() - tail);
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) {
    if (&part != parts.data()) text += '/';
    text += part;
  }
  return text;
}

/// Of a name that is an id, what people type.
std::string shown_name(const ContainerIdentity& identity) {
  const std::string& name = identity.container;
  const bool id =
      name.size() == kIdDigits && name.find_first_not_of("0123456789abcdef") == std::string::npos;
  return printable(id ? std::string_view(name).substr(0, kShownDigits) : std::string_view(name));
}

}  // namespace

std::string printable(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F) {
      out += c;
      continue;
    }
    std::array<char, 5> escape{};
    std::snprintf(escape.data(), escape.size(), "\\x%02x", byte);
    out += escape.data();
  }
  return out;
}

std::size_t TopName::width() const {
  std::size_t size = note.size() + parts.size() - 1;
  for (const std::string& part : parts) size += part.size();
  return size;
}

bool TopName::contains(std::string_view text) const {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  const std::string whole = joined(parts) + note;
  return text.empty() || !std::ranges::search(whole, text, {}, lower, lower).empty();
}

std::string TopName::fitted(std::size_t width) const {
  if (this->width() <= width) return joined(parts) + note;
  if (width < note.size() + kLeastName) return middle_cut(joined(parts) + note, width);
  std::vector<std::string> cut = parts;
  std::size_t excess = this->width() - width;
  for (std::size_t i = 0; i < cut.size() && i < kLeast.size(); ++i) {
    if (cut[i].size() <= kLeast[i]) continue;
    const std::size_t give = std::min(excess, cut[i].size() - kLeast[i]);
    cut[i] = (i == 0 && cut.size() > 1 ? head_cut : middle_cut)(cut[i], cut[i].size() - give);
    excess -= give;
  }
  if (excess == 0) return joined(cut) + note;
  return middle_cut(joined(parts), width - note.size()) + note;
}

TopName top_name(const ContainerIdentity& identity, bool alive) {
  TopName name;
  const std::string_view ended = alive ? std::string_view() : kEnded;
  if (!identity.pod_namespace.empty()) name.parts.push_back(printable(identity.pod_namespace));
  if (!identity.pod.empty()) name.parts.push_back(printable(identity.pod));
  name.parts.push_back(shown_name(identity));
  if (identity.pod_namespace.empty() && !identity.runtime.empty()) {
    name.parts.front().insert(0, printable(identity.runtime) + ":");
  }
  name.note = ended;
  return name;
}

TopName top_name(const PodRow& pod) {
  TopName name;
  if (!pod.pod_namespace.empty()) name.parts.push_back(printable(pod.pod_namespace));
  name.parts.push_back(printable(pod.pod));
  name.note = pod.cpu.alive ? " (pod)" : " (pod, ended)";
  return name;
}

TopName top_name(const std::string& path, bool alive) {
  return {.parts = {printable(path)}, .note = std::string(alive ? std::string_view() : kEnded)};
}

}  // namespace throttlelens
