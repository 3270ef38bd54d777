#include "../../relay/sessions.hh"

#include "tap.hh"

using relay::Sessions;

TEST("sessions: those that were opened, until they end") {
  Sessions sessions;
  CHECK(sessions.none() && sessions.find(1) == nullptr && !sessions.end(1));
  sessions.open(1, {7, true});
  sessions.open(5, {8, false});
  CHECK(!sessions.none() && sessions.find(1)->number == 7 && sessions.find(1)->terminal);
  CHECK(sessions.find(2) == nullptr);
  sessions.open(1, {9, false});
  CHECK(sessions.find(1)->number == 9);
  CHECK(sessions.end(1) && !sessions.end(1) && sessions.find(5) != nullptr);
  CHECK(sessions.end(5) && sessions.none());
}

TEST("sessions: those of one client go together, and no others") {
  Sessions sessions;
  for (const uint32_t id : {1u, 10u, 11u, 19u, 20u}) sessions.open(id, {id, false});
  CHECK(sessions.end(relay::IdRange{10, 20}) && !sessions.end(relay::IdRange{10, 20}));
  CHECK(sessions.find(1) && sessions.find(20) && !sessions.find(10) && !sessions.find(19));
}

TEST("sessions: there is a bound to them") {
  Sessions sessions;
  for (uint32_t id = 1; id <= 70000; id++) sessions.open(id, {id, false});
  CHECK(sessions.find(65536) && !sessions.find(65537));
  sessions.open(1, {5, true});
  CHECK(sessions.find(1)->number == 5);
}
