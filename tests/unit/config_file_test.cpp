// SPDX-License-Identifier: Apache-2.0
// Files on disk: the one that is shipped, and those that are refused.
#include <filesystem>
#include <fstream>
#include <set>

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "config_helpers.h"

using namespace throttlelens;
namespace fs = std::filesystem;

namespace {

class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string name = (fs::temp_directory_path() / "config_file_test.XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(*this / name, std::ios::binary) << text;
    return *this / name;
  }

 private:
  fs::path path_;
};

std::string shipped_file() {
  return TL_SHIPPED_CONFIG;  // a compiler cache may make __FILE__ relative
}

/// The one problem of the file, without its name in front.
std::string load_problem(const std::string& path) {
  const auto config = load_config(path);
  if (config) return "none";
  if (config.error().size() != 1) return std::to_string(config.error().size()) + " problems";
  const auto& problem = config.error()[0];
  CHECK(problem.file == path);
  CHECK(problem.text().starts_with(path + ":"));
  return problem.text().substr(path.size() + 1);
}

}  // namespace

TEST_CASE("the shipped file says what is built in") {
  const auto config = load_config(shipped_file());
  if (!config) FAIL(config.error()[0].text());
  CHECK(*config == Config{});
}

TEST_CASE("the shipped file has every key, and above each a comment") {
  std::ifstream file(shipped_file());
  REQUIRE(file.is_open());
  std::set<std::string> found;
  std::string section;
  std::string before;
  for (std::string line; std::getline(file, line); before = line) {
    const std::size_t indent = line.find_first_not_of(' ');
    if (indent == std::string::npos || line[indent] == '#' || line[indent] == '-') continue;
    INFO(line);
    CHECK(before.find('#') != std::string::npos);
    const std::size_t colon = line.find(':');
    REQUIRE(colon != std::string::npos);
    const std::string name = line.substr(indent, colon - indent);
    if (indent > 0) {
      found.insert(section + "." + name);
    } else if (colon + 1 == line.size()) {
      section = name;
    } else {
      found.insert(name);
    }
  }
  const auto keys = config_keys();
  CHECK(keys.size() == 19);
  CHECK(found == std::set<std::string>(keys.begin(), keys.end()));
}

TEST_CASE("a file is read, also through a link, and its problems name it") {
  const ScratchDirectory scratch;
  scratch.write("a.yaml", "log:\n  level: off\n");
  fs::create_symlink("a.yaml", scratch / "link");
  const auto config = load_config(scratch / "link");
  REQUIRE(config.has_value());
  CHECK(config->log.level == LogLevel::off);
  CHECK(load_problem(scratch.write("b.yaml", "log: {}\nlisten: x\n"))
            .starts_with("2:9: listen: \"x\" has no port; "));
}

TEST_CASE("what is not a readable file is refused without waiting for it") {
  const ScratchDirectory scratch;
  CHECK(load_problem(scratch / "none") ==
        " cannot open the configuration file: No such file or directory");
  CHECK(load_problem("") == " cannot open the configuration file: No such file or directory");
  const std::string refused = " not a regular file, so no configuration file; check the path";
  CHECK(load_problem(scratch / ".") == refused);
  CHECK(load_problem("/dev/zero") == refused);
  REQUIRE(::mkfifo((scratch / "fifo").c_str(), 0600) == 0);
  CHECK(load_problem(scratch / "fifo") == refused);
  fs::create_symlink("loop", scratch / "loop");
  CHECK(load_problem(scratch / "loop") ==
        " cannot open the configuration file: Too many levels of symbolic links");
  const auto good = scratch.write("good", "");
  CHECK(load_problem(good + std::string("\0x", 2)) ==
        " the path contains a NUL character; remove it");
}

TEST_CASE("a file of 1 MiB is read, a byte more is not") {
  const ScratchDirectory scratch;
  std::string text = "log: {level: off}\n#";
  text.resize(1024UL * 1024, 'x');
  const auto config = load_config(scratch.write("large", text));
  REQUIRE(config.has_value());
  CHECK(config->log.level == LogLevel::off);
  CHECK(load_problem(scratch.write("larger", text + "x")) ==
        " larger than 1 MiB, so hardly a configuration file; check the path");
}
