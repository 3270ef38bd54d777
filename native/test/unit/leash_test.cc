#include "../../relay/leash.hh"

#include <sys/socket.h>
#include <unistd.h>

#include "../../relay/io.hh"
#include "tap.hh"

using relay::Leash;

namespace {

/** A leash and the owner's end of it. */
struct Bench {
  Bench() {
    int fds[2];
    CHECK(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    relay::make_ours(fds[0]);
    leash.open(msb::UniqueFd(fds[0]));
    owner.reset(fds[1]);
  }
  Leash leash;
  msb::UniqueFd owner;
};

}  // namespace

TEST("leash: the owner reads one R") {
  Bench bench;
  bench.leash.say_ready();
  char text[8];
  CHECK(::read(bench.owner.get(), text, sizeof text) == 1 && text[0] == 'R');
  CHECK(!bench.leash.owner_died());
  bench.owner.reset();
  CHECK(bench.leash.owner_died());
  CHECK(!bench.leash.owner_died());
}

TEST("leash: an owner that died before, or before it read the R, is noticed all the same") {
  Bench before;
  before.owner.reset();
  before.leash.say_ready();
  CHECK(before.leash.owner_died());
  Bench after;
  after.leash.say_ready();
  after.owner.reset();
  CHECK(after.leash.owner_died());
}

TEST("leash: a D counts even when it comes with the end, and the R was never read") {
  Bench bench;
  bench.leash.say_ready();
  CHECK(::write(bench.owner.get(), "D", 1) == 1);
  bench.owner.reset();
  CHECK(!bench.leash.owner_died());
}
