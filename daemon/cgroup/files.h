// SPDX-License-Identifier: Apache-2.0
// Opening and reading below the two hierarchy roots, by descriptor and name, never by path. Keeps
// the counter files open as far as descriptors last.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "nodes.h"

namespace throttlelens {

class Files {
 public:
  /// `usage` is a second descriptor of the same directory where one hierarchy does both; invalid
  /// where use is not counted.
  Files(Nodes& nodes, UniqueFd cpu, UniqueFd usage);

  /// Directory of the cgroup in the cpu hierarchy; ENOENT when its name stands for another one now.
  /// A node without a key is the root, whatever its inode.
  Result<UniqueFd> open_dir(const Node& node);
  /// Invalid, with errno set, when there is no such directory; symbolic links are none.
  UniqueFd open_child(int dir, const std::string& name);

  /// Reads the file through `kept`, which is filled if descriptors last. The text is valid until
  /// the next read.
  Result<std::string_view> read_stat(Node& node) { return read(node, node.stat, cpu_, "cpu.stat"); }
  Result<std::string_view> read_use(Node& node) {
    return read(node, node.use, usage_, "cpuacct.usage");
  }
  /// A small file, opened and closed again.
  Result<std::string> read_once(int dir, const char* file);
  /// A file of any size, opened and closed again.
  Result<std::string> read_whole(int dir, const char* file);

  void forget(Node& node);  ///< closes what is kept
  bool out_of_descriptors() const { return out_of_descriptors_; }

 private:
  struct Root {
    UniqueFd fd;
    bool checked = false;  ///< inode numbers in it are cgroup keys
  };
  Result<UniqueFd> walk(const Root& root, const Node& node);
  Result<std::string_view> read(Node& node, UniqueFd& kept, const Root& root, const char* file);
  int open_at(int dir, const char* name, int flags);
  bool may_keep();
  bool release_some();

  Nodes& nodes_;
  Root cpu_, usage_;
  std::size_t kept_ = 0;
  std::size_t most_kept_ = std::numeric_limits<std::size_t>::max();
  bool out_of_descriptors_ = false;
  std::array<char, 4096> text_{};
};

struct Subdirectory {
  std::string name;
  std::uint64_t inode = 0;
};
/// Its directories, without "." and "..", links and files.
Result<std::vector<Subdirectory>> list_directories(int dir);

}  // namespace throttlelens
