#include "../../relay/lifetime.hh"

#include "tap.hh"

using relay::Lifetime;
using End = Lifetime::End;

TEST("lifetime: without a limit it never ends") {
  Lifetime lifetime;
  CHECK(!lifetime.deadline_ms(false) && lifetime.over(1e12, false) == End::kNone);
}

TEST("lifetime: idle counts from the limit, and anew from each use; not while it is used") {
  Lifetime lifetime;
  lifetime.used(50);
  lifetime.limit({5000, std::nullopt}, 1000);
  CHECK(lifetime.deadline_ms(false) == 6000.0 && !lifetime.deadline_ms(true));
  CHECK(lifetime.over(5999, false) == End::kNone && lifetime.over(6000, false) == End::kIdle);
  CHECK(lifetime.over(1e9, true) == End::kNone);
  lifetime.used(5500);
  CHECK(lifetime.deadline_ms(false) == 10500.0 && lifetime.over(6000, false) == End::kNone);
}

TEST("lifetime: the duration counts from the limit, whoever uses it") {
  Lifetime lifetime;
  lifetime.limit({std::nullopt, 3000}, 1000);
  lifetime.used(3900);
  CHECK(lifetime.deadline_ms(true) == 4000.0 && lifetime.over(3999, true) == End::kNone);
  CHECK(lifetime.over(4000, true) == End::kDuration);
}

TEST("lifetime: of both, the sooner; a later word takes their place") {
  Lifetime lifetime;
  lifetime.limit({5000, 7000}, 0);
  CHECK(lifetime.deadline_ms(false) == 5000.0 && lifetime.deadline_ms(true) == 7000.0);
  lifetime.used(4000);
  CHECK(lifetime.deadline_ms(false) == 7000.0 && lifetime.over(9500, false) == End::kDuration);
  lifetime.limit({}, 10);
  CHECK(!lifetime.deadline_ms(false));
}
