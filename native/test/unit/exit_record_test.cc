#include "../../relay/exit_record.hh"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "../../relay/frame.hh"
#include "../../src/util/unique_fd.hh"
#include "tap.hh"

using relay::ExitRecord;

TEST("exit record: nothing happened") {
  ExitRecord record;
  record.started_at_unix_ms = 1764000000000;
  record.exit_ms = 12.34;
  CHECK(record.to_json() ==
        "{\"version\": 1, \"startedAtUnixMs\": 1764000000000, \"readyMs\": null, \"exitMs\": 12.3,\n"
        " \"asked\": {\"shutdownMs\": null, \"killMs\": null, \"ownerDeathMs\": null,\n"
        "           \"idleTimeoutMs\": null, \"maxDurationMs\": null},\n"
        " \"limits\": {\"idleTimeoutMs\": null, \"maxDurationMs\": null},\n"
        " \"cause\": null,\n \"vmm\": null,\n \"spawnError\": null,\n \"halted\": null}\n");
}

TEST("exit record: everything happened") {
  ExitRecord record;
  record.ready_ms = 2034.1;
  record.shutdown_ms = 4100;
  record.kill_ms = 4200;
  record.owner_death_ms = 4300;
  record.idle_timeout_ms = 4400;
  record.max_duration_ms = 4500;
  record.limits = {5000, 60000};
  record.cause = "spawn";
  record.vmm_pid = 71;
  record.vmm_signal = 9;
  record.spawn_error = relay::SpawnError{"exec", ENOENT};
  record.halted = std::string("\xa0\x0f", 2);
  const std::string json = record.to_json();
  for (const char* part : {"\"readyMs\": 2034.1", "\"shutdownMs\": 4100.0", "\"killMs\": 4200.0",
                           "\"ownerDeathMs\": 4300.0",
                           "\"idleTimeoutMs\": 4400.0, \"maxDurationMs\": 4500.0}",
                           "\"limits\": {\"idleTimeoutMs\": 5000, \"maxDurationMs\": 60000}", "\"cause\": \"spawn\"",
                           "\"vmm\": {\"pid\": 71, \"code\": null, \"signal\": 9}",
                           "\"spawnError\": {\"step\": \"exec\", \"errno\": 2, \"code\": \"ENOENT\"}",
                           "\"halted\": \"a00f\""}) {
    CHECK(json.find(part) != std::string::npos);
  }
}

TEST("exit record: whole, private, and alone in its directory") {
  char name[] = "/tmp/exit-record-XXXXXX";
  CHECK(::mkdtemp(name) != nullptr);
  const msb::UniqueFd directory(::open(name, O_RDONLY | O_DIRECTORY));
  CHECK(relay::write_exit_record(directory.get(), ExitRecord()));
  CHECK(relay::write_exit_record(directory.get(), ExitRecord()));
  struct stat info{};
  CHECK(::fstatat(directory.get(), "exit.json", &info, 0) == 0);
  CHECK((info.st_mode & 0777) == 0600 && info.st_size == static_cast<off_t>(ExitRecord().to_json().size()));
  CHECK(::unlinkat(directory.get(), "exit.json", 0) == 0);
  CHECK(::rmdir(name) == 0);
  CHECK(!relay::write_exit_record(directory.get(), ExitRecord()));
}
