#include "../../relay/id_range.hh"

#include "tap.hh"

using relay::range_of_slot;
using relay::slot_of_id;

TEST("ids: the ranges are those of the protocol") {
  CHECK(relay::kIdsPerClient == 33554431);
  CHECK(range_of_slot(0).start == 1 && range_of_slot(0).end == 33554432);
  CHECK(range_of_slot(127).start == 127U * 33554431 + 1 && range_of_slot(127).end == 4294967169U);
}

TEST("ids: ranges touch, and each id leads to its own slot") {
  for (uint32_t slot = 0; slot < relay::kMostClients; slot++) {
    const relay::IdRange range = range_of_slot(slot);
    CHECK(range.contains(range.start) && range.contains(range.end - 1));
    CHECK(!range.contains(range.end) && !range.contains(range.start - 1) && !range.contains(0));
    CHECK(slot_of_id(range.start) == slot && slot_of_id(range.end - 1) == slot);
    if (slot > 0) CHECK(range_of_slot(slot - 1).end == range.start);
  }
}

TEST("ids: 0 and those above the last range are nobody's") {
  CHECK(!slot_of_id(0));
  CHECK(!slot_of_id(range_of_slot(127).end));
  CHECK(!slot_of_id(0xffffffff));
}
