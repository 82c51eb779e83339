// SPDX-License-Identifier: Apache-2.0
#include "tree_scan.h"

#include <algorithm>
#include <cerrno>
#include <ranges>
#include <utility>

#include <fcntl.h>
#include <linux/limits.h>
#include <sys/stat.h>

#include "limit_files.h"

namespace throttlelens {
namespace {

// What opening the name of a cgroup that is no more says; anything else is our own trouble.
bool means_gone(int code) {
  return code == ENOENT || code == ENOTDIR || code == ELOOP || code == ENODEV;
}

}  // namespace

TreeScan::TreeScan(Nodes& nodes, Files& files, Watch watch, bool v2, Nanoseconds rescan)
    : nodes_(nodes),
      files_(files),
      watch_(std::move(watch)),
      v2_(v2),
      rescan_(std::max(rescan, Nanoseconds(1))) {}

Result<TreeChanges> TreeScan::changes() {
  out_ = {};
  gone_.clear();
  no_watch_left_ = false;
  const bool was_unwatched = std::exchange(unwatched_, false);
  if (root_.id == 0) {
    if (auto done = first_scan(); !done) return std::unexpected(std::move(done.error()));
  } else {
    const bool timer = watch_.timer_fired();
    if (auto done = collect_events(); !done) {
      unwatched_ = was_unwatched;
      return std::unexpected(std::move(done.error()));
    }
    if (lost_ || (timer && was_unwatched)) {
      find_differences();
    } else {
      unwatched_ = was_unwatched;
    }
    reconcile();
    for (const CgroupKey key : std::exchange(written_, {})) {
      if (nodes_.find(key) != nullptr) out_.limits_changed.push_back(key);
    }
    std::ranges::sort(out_.limits_changed);
    for (const CgroupKey key : std::exchange(reweighted_, {})) {
      if (nodes_.find(key) != nullptr) out_.weights_changed.push_back(key);
    }
    std::ranges::sort(out_.weights_changed);
  }
  // What could not be done now is looked at next time, at once.
  if (!touched_.empty()) {
    set_timer(Nanoseconds(1), unwatched_ ? rescan_ : Nanoseconds(0));
  } else if (unwatched_ != was_unwatched) {
    const Nanoseconds every = unwatched_ ? rescan_ : Nanoseconds(0);
    set_timer(every, every);
  }
  return std::move(out_);
}

void TreeScan::set_timer(Nanoseconds first, Nanoseconds every) {
  if (auto set = watch_.set_timer(first, every); !set) warn_once(set.error());
}

Result<void> TreeScan::first_scan() {
  auto dir = files_.open_dir(Node{});
  if (!dir) return std::unexpected(std::move(dir.error()));
  struct stat st{};
  if (::fstat(dir->get(), &st) != 0) {
    return std::unexpected(os_error("look at the root cgroup", "/", errno));
  }
  device_ = st.st_dev;
  add_subtree(CgroupKey{}, "", std::move(*dir));
  return {};
}

Result<void> TreeScan::collect_events() {
  return watch_.read([this](const Watch::Event& event) {
    if (event.kind == Watch::Kind::lost) {
      lost_ = true;
      return;
    }
    const auto at = by_wd_.find(event.wd);
    if (at == by_wd_.end()) return;  // of a watch taken back meanwhile
    Node* node = nodes_.find(at->second);
    if (node == nullptr) return;
    switch (event.kind) {
      case Watch::Kind::child:
        touched_.emplace(node->key, std::string(event.name));
        break;
      case Watch::Kind::limit:
        limit_written(*node);
        break;
      case Watch::Kind::weight:
        reweighted_.insert(node->key);
        break;
      case Watch::Kind::controllers:
        for (const auto& [name, key] : node->children) {
          if (Node* child = nodes_.find(key)) limit_written(*child);
          reweighted_.insert(key);
        }
        break;
      case Watch::Kind::lost:
        break;
    }
  });
}

void TreeScan::limit_written(Node& node) {
  node.limit_known = false;
  written_.insert(node.key);
}

// Notes every name whose directory is not the one we know, and every limit that moved unseen.
void TreeScan::find_differences() {
  const bool everything = std::exchange(lost_, false);
  for (auto& [key, node] : nodes_) {
    auto dir = files_.open_dir(node);
    if (!dir) {
      touched_.emplace(node.parent, node.name);
      continue;
    }
    const bool watched = node.wd >= 0;
    if (!watched && !try_watch(node, dir->get())) unwatched_ = true;
    if (everything || !watched) {
      recheck_limit(node);
      reweighted_.insert(key);  // not kept here, so who needs it reads it again
    }
    struct stat st{};
    if (node.children.empty() && ::fstat(dir->get(), &st) == 0 && st.st_nlink == 2) continue;
    auto listed = list_directories(dir->get());
    if (!listed) {
      if (listed.error().code != ENOENT) warn_once(listed.error());
      continue;
    }
    std::size_t known = 0;
    for (const Subdirectory& sub : *listed) {
      const auto child = node.children.find(sub.name);
      if (child != node.children.end()) ++known;
      if (child == node.children.end() || child->second.id != sub.inode) {
        touched_.emplace(key, sub.name);
      }
    }
    if (known == node.children.size()) continue;
    for (const auto& child : node.children) touched_.emplace(key, child.first);
  }
}

// First what is gone, then what is new: a name may stand for another directory by now.
void TreeScan::reconcile() {
  const auto touched = std::exchange(touched_, {});
  for (const bool adding : {false, true}) {
    CgroupKey open_key;
    UniqueFd open;
    int open_code = 0;
    for (const auto& [parent, name] : touched) {
      Node* node = nodes_.find(parent);
      if (node == nullptr) continue;
      const auto known = node->children.find(name);
      if (adding ? known != node->children.end() : known == node->children.end()) continue;
      if (open_key != parent) {
        auto dir = files_.open_dir(*node);
        open_key = parent;
        open = dir ? std::move(*dir) : UniqueFd();
        open_code = dir ? 0 : dir.error().code;
      }
      UniqueFd dir = open ? files_.open_child(open.get(), name) : UniqueFd();
      const int code = dir ? 0 : open ? errno : open_code;
      if (code != 0 && !means_gone(code)) {
        unwatched_ = true;  // looked at again later
        continue;
      }
      if (adding) {
        if (dir) add_subtree(parent, name, std::move(dir));
        continue;
      }
      struct stat st{};
      if (!dir || ::fstat(dir.get(), &st) != 0 || st.st_ino != known->second.id) {
        remove_subtree(known->second);
      }
    }
  }
}

// Holds two descriptors however deep it goes: upwards it follows "..", and checks where that led.
void TreeScan::add_subtree(CgroupKey parent, const std::string& name, UniqueFd top) {
  struct Level {
    CgroupKey key;
    std::vector<Subdirectory> left;
  };
  std::vector<Level> levels;
  UniqueFd dir;
  const auto go_down = [&](CgroupKey above, const std::string& into, UniqueFd fd) {
    const auto key = enter(above, into, fd.get());
    if (!key) return false;
    dir = std::move(fd);
    struct stat st{};
    if (::fstat(dir.get(), &st) == 0 && st.st_nlink == 2) {  // no directory in it
      levels.push_back({.key = *key, .left = {}});
      return true;
    }
    auto listed = list_directories(dir.get());
    if (!listed && listed.error().code != ENOENT) warn_once(listed.error());
    levels.push_back({.key = *key, .left = listed ? std::move(*listed) : decltype(Level::left){}});
    return true;
  };
  go_down(parent, name, std::move(top));
  while (!levels.empty()) {
    if (levels.back().left.empty()) {
      levels.pop_back();
      while (!levels.empty() && levels.back().left.empty()) levels.pop_back();
      if (!levels.empty()) dir = leave(std::move(dir), levels.back().key);
      continue;
    }
    const std::string next = std::move(levels.back().left.back().name);
    levels.back().left.pop_back();
    if (!dir) continue;
    UniqueFd child = files_.open_child(dir.get(), next);
    if (child) {
      go_down(levels.back().key, next, std::move(child));
    } else if (!means_gone(errno)) {
      unwatched_ = true;  // looked at again later
    }
  }
}

UniqueFd TreeScan::leave(UniqueFd child, CgroupKey parent) {
  UniqueFd up = files_.open_child(child.get(), "..");
  struct stat st{};
  if (up && ::fstat(up.get(), &st) == 0 && st.st_ino == parent.id) return up;
  Node* node = nodes_.find(parent);
  if (node == nullptr) return {};
  auto walked = files_.open_dir(*node);
  return walked ? std::move(*walked) : UniqueFd();
}

std::optional<CgroupKey> TreeScan::enter(CgroupKey parent, const std::string& name, int dir) {
  struct stat st{};
  if (::fstat(dir, &st) != 0 || st.st_dev != device_) return std::nullopt;  // a mount on top
  const CgroupKey key{st.st_ino};
  if (gone_.contains(key)) {  // renamed: told as gone now and as new the next time
    touched_.emplace(parent, name);
    return std::nullopt;
  }
  if (nodes_.find(key) != nullptr) return std::nullopt;
  Node* above = nodes_.find(parent);
  if (above == nullptr && parent.id != 0) return std::nullopt;

  const std::size_t path_size = above == nullptr ? 0 : above->path_size + 1 + name.size();
  if (path_size >= PATH_MAX) {
    warn_once(Error{.what = "follow cgroups nested too deep below",
                    .on = nodes_.path(*above),
                    .code = ENAMETOOLONG,
                    .why = "their use is counted in the last one shown"});
    return std::nullopt;
  }
  Node fresh;
  fresh.key = key;
  fresh.parent = parent;
  fresh.name = name;
  fresh.path_size = path_size;
  Node& node = nodes_.add(std::move(fresh));
  if (above != nullptr) {
    above->children.emplace(name, key);
  } else {
    root_ = key;
  }
  if (!try_watch(node, dir)) unwatched_ = true;
  out_.appeared.push_back({.key = key, .parent = parent, .path = nodes_.path(node)});
  return key;
}

void TreeScan::remove_subtree(CgroupKey top) {
  if (Node* node = nodes_.find(top)) {
    if (Node* above = nodes_.find(node->parent)) above->children.erase(node->name);
  }
  std::vector<CgroupKey> parents_first{top};
  for (std::size_t i = 0; i < parents_first.size(); ++i) {
    if (const Node* node = nodes_.find(parents_first[i])) {
      for (const auto& child : node->children) parents_first.push_back(child.second);
    }
  }
  for (const CgroupKey key : std::views::reverse(parents_first)) {
    Node* node = nodes_.find(key);
    if (node == nullptr) continue;
    if (node->wd >= 0) {
      watch_.remove(node->wd);
      by_wd_.erase(node->wd);
    }
    files_.forget(*node);
    nodes_.erase(key);
    gone_.insert(key);
    out_.gone.push_back(key);
  }
}

bool TreeScan::try_watch(Node& node, int dir) {
  if (no_watch_left_) return false;
  auto wd = watch_.add(dir);
  if (wd) {
    node.wd = *wd;
    by_wd_[*wd] = node.key;
    return true;
  }
  no_watch_left_ = wd.error().code == ENOSPC;
  Error error = std::move(wd.error());
  error.on = nodes_.path(node);
  error.why = "looking at all cgroups every few seconds instead";
  if (no_watch_left_) error.fix = "raise fs.inotify.max_user_watches";
  warn_once(error);
  return false;
}

void TreeScan::recheck_limit(Node& node) {
  const bool known = node.limit_known;
  const bool bandwidth = node.bandwidth;
  const auto limit = node.limit;
  if (!read_limit(nodes_, files_, node, v2_)) return;
  if (!known || bandwidth != node.bandwidth || limit != node.limit) written_.insert(node.key);
}

void TreeScan::warn_once(const Error& error) {
  if (warned_.insert(error.what).second) warnings_.push_back(error);
}

std::vector<Error> TreeScan::take_warnings() {
  if (files_.out_of_descriptors()) {
    warn_once(Error{.what = "keep the counter files of all cgroups open",
                    .on = "",
                    .code = EMFILE,
                    .why = "some are opened for each reading, which costs more CPU",
                    .fix = "raise LimitNOFILE"});
  }
  return std::exchange(warnings_, {});
}

}  // namespace throttlelens
