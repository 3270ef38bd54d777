#include "../../relay/leash.hh"

#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

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

TEST("leash: how long the machine may run, also a byte at a time") {
  Bench bench;
  CHECK(!bench.leash.take_limits());
  for (const char byte : std::string("L5000 0\n")) {
    CHECK(!bench.leash.take_limits());
    CHECK(::write(bench.owner.get(), &byte, 1) == 1);
    CHECK(!bench.leash.owner_died());
  }
  const auto limits = bench.leash.take_limits();
  CHECK(limits && limits->idle_ms == 5000 && !limits->duration_ms);
  CHECK(!bench.leash.take_limits());
  CHECK(::write(bench.owner.get(), "L0 7\nL1 2\nD", 11) == 11);
  bench.owner.reset();
  CHECK(!bench.leash.owner_died());
  const auto last = bench.leash.take_limits();
  CHECK(last && last->idle_ms == 1 && last->duration_ms == 2);
}

TEST("leash: a line that makes no sense says nothing, and none is a D") {
  for (const char* line : {"L\n", "L5\n", "L5 \n", "L 5\n", "L5 D\n", "L-1 0\n", "L5 31622400001\n",
                           "L00000000000000000000000000 0000000000000000000000000000000\n", "xyz\n"}) {
    Bench bench;
    CHECK(::write(bench.owner.get(), line, std::strlen(line)) == static_cast<ssize_t>(std::strlen(line)));
    CHECK(!bench.leash.owner_died() && !bench.leash.take_limits());
    bench.owner.reset();
    CHECK(bench.leash.owner_died());
  }
}
