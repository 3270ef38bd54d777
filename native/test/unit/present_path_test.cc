#include "../../relay/present_path.hh"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/util/unique_fd.hh"
#include "tap.hh"

using relay::present_path;

namespace {

/** A directory, held, in one to move it about in. */
struct Bench {
  Bench() {
    char name[] = "/tmp/path-test-XXXXXX";
    CHECK(::mkdtemp(name) != nullptr);
    home = name;
    CHECK(make("a"));
    held.reset(::open((home + "/a").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~Bench() { CHECK(::rmdir(home.c_str()) == 0); }

  bool make(const std::string& name) { return ::mkdir((home + "/" + name).c_str(), 0700) == 0; }
  bool remove(const std::string& name) { return ::rmdir((home + "/" + name).c_str()) == 0; }
  bool move(const std::string& from, const std::string& to) {
    return ::rename((home + "/" + from).c_str(), (home + "/" + to).c_str()) == 0;
  }

  std::string home;
  msb::UniqueFd held;
};

}  // namespace

TEST("present path: follows each move, whatever has the old name") {
  Bench bench;
  CHECK(present_path(bench.held.get()) == bench.home + "/a");
  CHECK(bench.move("a", "b") && bench.make("a"));
  CHECK(present_path(bench.held.get()) == bench.home + "/b");
  CHECK(bench.move("b", "a/c"));
  CHECK(present_path(bench.held.get()) == bench.home + "/a/c");
  CHECK(bench.remove("a/c") && bench.remove("a"));
}

TEST("present path: none of what has been removed, whoever has its name then, or the kernel's word for that") {
  Bench bench;
  CHECK(bench.remove("a"));
  CHECK(!present_path(bench.held.get()));
  CHECK(bench.make("a") && bench.make("a (deleted)"));
  CHECK(!present_path(bench.held.get()));
  CHECK(bench.remove("a") && bench.remove("a (deleted)"));
}

TEST("present path: a name that looks like the kernel's word is a name") {
  Bench bench;
  CHECK(bench.move("a", "a (deleted)"));
  CHECK(present_path(bench.held.get()) == bench.home + "/a (deleted)");
  CHECK(bench.remove("a (deleted)"));
}

TEST("present path: none of what is not open") { CHECK(!present_path(-1)); }
