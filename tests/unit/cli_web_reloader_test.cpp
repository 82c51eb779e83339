// SPDX-License-Identifier: Apache-2.0
// Files that change under a running daemon.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "web_reloader.h"

using namespace throttlelens;

namespace {

/// Files by path, each with a generation; "web" decides what is loaded.
struct World {
  std::map<std::string, std::uint64_t> files{{"web", 1}, {"cert", 1}};
  WebConfig wanted;
  std::string broken;  ///< what is wrong with the file
  std::string unfit;   ///< what is wrong with what it asks for
  std::vector<std::string> log;
  int loads = 0;

  std::optional<FileIdentity> look(const std::string& path) const {
    const auto file = files.find(path);
    if (file == files.end()) return std::nullopt;
    FileIdentity identity;
    identity.inode = file->second;
    return identity;
  }

  LoadedWebConfig load() {
    ++loads;
    LoadedWebConfig out;
    out.seen.push_back({.path = "web", .identity = look("web")});
    if (!broken.empty()) {
      out.config = std::unexpected(ConfigProblems{{.file = "web", .message = broken}});
      return out;
    }
    out.seen.push_back({.path = "cert", .identity = look("cert")});
    out.config = wanted;
    return out;
  }

  WebReloader reloader() {
    LoadedWebConfig first = load();
    loads = 0;
    return {{.load = [this] { return load(); },
             .look = [this](const std::string& path) { return look(path); },
             .apply = [this](const WebConfig& web) -> Result<void> {
               if (!unfit.empty()) return std::unexpected(Error{.what = unfit, .on = ""});
               log.push_back("applied " + std::to_string(web.users.size()));
               return {};
             },
             .reloaded = [this] { log.emplace_back("reloaded"); },
             .refused = [this](const std::string& problem) { log.push_back("no: " + problem); }},
            std::move(*first.config),
            std::move(first.seen)};
  }
};

using Log = std::vector<std::string>;

}  // namespace

TEST_CASE("nothing is read while nothing changes") {
  World world;
  WebReloader reloader = world.reloader();
  for (int i = 0; i < 5; ++i) reloader.turn();
  CHECK(world.loads == 0);
  CHECK(world.log.empty());
}

TEST_CASE("what changes is in force at the next turn, once") {
  World world;
  WebReloader reloader = world.reloader();
  world.wanted.users.resize(2);
  ++world.files["cert"];
  reloader.turn();
  reloader.turn();
  CHECK(world.log == Log{"applied 2", "reloaded"});
  CHECK(world.loads == 1);
}

TEST_CASE("files that were touched and say the same change nothing") {
  World world;
  WebReloader reloader = world.reloader();
  ++world.files["web"];
  reloader.turn();
  reloader.turn();
  CHECK(world.loads == 1);
  CHECK(world.log.empty());
}

TEST_CASE("what is broken for longer than a turn is told once, and read no more") {
  World world;
  WebReloader reloader = world.reloader();
  ++world.files["web"];
  world.broken = "typo";
  reloader.turn();
  CHECK(world.log.empty());
  for (int i = 0; i < 5; ++i) reloader.turn();
  CHECK(world.log == Log{"no: web: typo"});
  CHECK(world.loads == 1);

  world.broken.clear();
  world.wanted.users.resize(1);
  ++world.files["web"];
  reloader.turn();
  CHECK(world.log == Log{"no: web: typo", "applied 1", "reloaded"});
}

TEST_CASE("half of a replacement is not told about") {
  World world;
  WebReloader reloader = world.reloader();
  world.wanted.users.resize(1);
  world.unfit = "use a certificate with the key of another";
  ++world.files["cert"];
  reloader.turn();
  world.unfit.clear();
  ++world.files["cert"];
  reloader.turn();
  reloader.turn();
  CHECK(world.log == Log{"applied 1", "reloaded"});
}

TEST_CASE("what does not fit is refused, and what was in force can come back unnoticed") {
  World world;
  WebReloader reloader = world.reloader();
  world.wanted.users.resize(3);
  world.unfit = "turn TLS off";
  ++world.files["web"];
  reloader.turn();
  reloader.turn();
  CHECK(world.log == Log{"no: cannot turn TLS off"});
  world.wanted.users.clear();
  ++world.files["web"];
  reloader.turn();
  reloader.turn();
  CHECK(world.log.size() == 1);
}

TEST_CASE("a file that goes away is noticed, and its coming back too") {
  World world;
  WebReloader reloader = world.reloader();
  world.files.erase("web");
  world.broken = "no file";
  reloader.turn();
  reloader.turn();
  CHECK(world.log == Log{"no: web: no file"});
  world.files["web"] = 1;
  world.broken.clear();
  world.wanted.users.resize(1);
  reloader.turn();
  CHECK(world.log == Log{"no: web: no file", "applied 1", "reloaded"});
}
