#include "../../relay/log_lines.hh"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tap.hh"

using namespace relay;

TEST("log lines: a stream in pieces becomes the lines that it has, the last of them at its end") {
  char name[] = "/tmp/log-lines-XXXXXX";
  CHECK(::mkdtemp(name) != nullptr);
  const msb::UniqueFd directory(::open(name, O_RDONLY | O_DIRECTORY));
  ExecLog log;
  log.open(directory.get());
  LogLines lines(log, LogKind::kConsole);
  for (const char* piece : {"o", "ne\ntw", "o\n", "\n", "the rest"}) lines.append(piece);
  lines.append(std::string(5000, 'x'));
  lines.finish();
  lines.finish();
  log.flush();
  const msb::UniqueFd file(::openat(directory.get(), "exec.1.log", O_RDONLY));
  std::string bytes(64 * 1024, '\0');
  bytes.resize(static_cast<size_t>(::read(file.get(), bytes.data(), bytes.size())));
  std::vector<std::string> found;
  for (size_t at = kSegmentHeaderSize; at < bytes.size();) {
    const size_t length = static_cast<uint8_t>(bytes[at + 10]) << 8 | static_cast<uint8_t>(bytes[at + 11]);
    found.push_back(bytes.substr(at + kRecordHeaderSize, length));
    at += kRecordHeaderSize + length;
  }
  CHECK((found == std::vector<std::string>{"one\n", "two\n", "\n", "the rest" + std::string(4088, 'x'), std::string(912, 'x')}));
  ::unlinkat(directory.get(), "exec.1.log", 0);
  ::rmdir(name);
}
