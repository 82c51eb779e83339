// SPDX-License-Identifier: Apache-2.0
// What the rows of the table are called, and how names are cut to fit.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "model/container.h"
#include "model/snapshot.h"

namespace throttlelens {

/// ASCII only: no escape sequences, no text that runs backwards, and width is length.
std::string printable(std::string_view bytes);

/// Printable ASCII.
struct TopName {
  std::vector<std::string> parts;  ///< a path, or namespace, pod and container
  std::string note;                ///< behind them, such as " (ended)"

  std::size_t width() const;
  /// Whether `text` is somewhere in it; upper and lower case are the same.
  bool contains(std::string_view text) const;
  /// Where it has to be cut, the namespace gives way first, then the middles of the others, so that
  /// the ends of pod and container, and the note, stay readable as long as possible.
  std::string fitted(std::size_t width) const;
};

/// namespace/pod/container; outside of Kubernetes runtime:container.
TopName top_name(const ContainerIdentity& identity, bool alive);
/// namespace/pod (pod).
TopName top_name(const PodRow& pod);
TopName top_name(const std::string& path, bool alive);

}  // namespace throttlelens
