#include "../../relay/options.hh"

#include "tap.hh"

using relay::Options;
using relay::parse_options;

namespace {

std::string wrong(std::vector<std::string> arguments) {
  Options options;
  return parse_options(arguments, options);
}

}  // namespace

TEST("options: all of them") {
  Options options;
  CHECK(parse_options({"--sandbox-dir", "/s/a", "--socket", "/r/agent.sock", "--ephemeral", "--console-limit", "65536",
                       "--owner-death-budget", "250", "--lifetime-budget", "700", "--vmm-descriptors", "8", "--", "/bin/vmm", "--ephemeral", "--", "x"},
                      options)
            .empty());
  CHECK(options.sandbox_dir == "/s/a" && options.socket_path == "/r/agent.sock" && options.ephemeral);
  CHECK(options.console_limit == 65536 && options.owner_death_budget_ms == 250 && options.lifetime_budget_ms == 700);
  CHECK(options.vmm_descriptors == 8);
  CHECK((options.vmm == std::vector<std::string>{"/bin/vmm", "--ephemeral", "--", "x"}));
}

TEST("options: what may be left out") {
  Options options;
  CHECK(parse_options({"--sandbox-dir", "/s", "--socket", "/r", "--", "v"}, options).empty());
  CHECK(!options.ephemeral && options.console_limit == 1 << 20 && options.owner_death_budget_ms == 3000);
  CHECK(options.lifetime_budget_ms == 10000);
  CHECK(options.vmm_descriptors == 0);
}

TEST("options: a VMM that runs already") {
  Options options;
  CHECK(parse_options({"--sandbox-dir", "/s", "--socket", "/r", "--adopt", "71"}, options).empty());
  CHECK(options.adopt == 71 && options.vmm.empty());
  CHECK(wrong({"--sandbox-dir", "/s", "--socket", "/r", "--adopt", "71", "--", "v"}).find("--adopt takes the place") == 0);
  for (const char* pid : {"", "0", "1", "-7", "4194305", "x"}) {
    CHECK(wrong({"--sandbox-dir", "/s", "--socket", "/r", "--adopt", pid}).find("--adopt takes a number") == 0);
  }
}

TEST("options: each mistake is named") {
  CHECK(wrong({}) == "--sandbox-dir is missing");
  CHECK(wrong({"--sandbox-dir", "/s", "--", "v"}) == "--socket is missing");
  CHECK(wrong({"--sandbox-dir", "/s", "--socket", "/r"}).find("-- and") == 0);
  CHECK(wrong({"--sandbox-dir", "/s", "--socket", "/r", "--"}).find("after --") != std::string::npos);
  CHECK(wrong({"--sandbox-dir"}) == "--sandbox-dir needs a value");
  CHECK(wrong({"--socket", "--", "v"}) == "--socket needs a value");
  CHECK(wrong({"--frob"}) == "unknown option --frob");
  for (const char* path : {"", "relative", "/", "/a/", "/a/..", "/a/."}) {
    CHECK(wrong({"--sandbox-dir", path}) == "--sandbox-dir takes an absolute path");
  }
  for (const char* number : {"", "-1", "1x", "4095", "99999999999999999999999"}) {
    CHECK(wrong({"--console-limit", number}).find("--console-limit takes a number") == 0);
  }
  CHECK(wrong({"--owner-death-budget", "3600001"}).find("--owner-death-budget takes") == 0);
  CHECK(wrong({"--lifetime-budget", "x"}).find("--lifetime-budget takes") == 0);
  for (const char* number : {"", "-1", "9", "two"}) {
    CHECK(wrong({"--vmm-descriptors", number}) == "--vmm-descriptors takes a number from 0 to 8");
  }
}
