#include "../../relay/bounded_log.hh"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <random>

#include "tap.hh"

using relay::BoundedLog;

namespace {

class TemporaryFile {
 public:
  explicit TemporaryFile(int flags = 0) {
    char name[] = "/tmp/bounded-log-XXXXXX";
    ::close(::mkstemp(name));
    writer_.reset(::open(name, O_WRONLY | flags));
    reader_.reset(::open(name, O_RDONLY));
    ::unlink(name);
  }
  msb::UniqueFd take() { return std::move(writer_); }
  std::string content() const {
    std::string text(8 << 20, '\0');
    text.resize(static_cast<size_t>(::pread(reader_.get(), text.data(), text.size(), 0)));
    return text;
  }

 private:
  msb::UniqueFd writer_;
  msb::UniqueFd reader_;
};

bool starts_with(const std::string& text, const std::string& start) { return text.compare(0, start.size(), start) == 0; }

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

TEST("log: what fits is kept as it is") {
  TemporaryFile file;
  BoundedLog log(file.take(), 100000);
  std::string all;
  for (int i = 0; i < 5000; i++) {
    const std::string line = "line " + std::to_string(i) + "\n";
    log.append(line);
    all += line;
  }
  CHECK(all.size() < 100000 && file.content() == all);
}

TEST("log: beyond the limit the beginning and the end remain, and a line says so") {
  TemporaryFile file;
  BoundedLog log(file.take(), 64 * 1024);
  std::string all;
  std::mt19937 random(1);
  for (int i = 0; i < 100000; i++) {
    const std::string line = "line " + std::to_string(i) + std::string(random() % 40, '.') + "\n";
    log.append(line);
    all += line;
    if (i % 997 != 0 || all.size() < 64 * 1024) continue;
    const std::string now = file.content();
    CHECK(now.size() <= 64 * 1024);
    CHECK(starts_with(now, all.substr(0, 16 * 1024)));
    CHECK(ends_with(now, all.substr(all.size() - 20 * 1024)));
  }
  const std::string text = file.content();
  const size_t marker = text.find("\n[... ");
  CHECK(marker == 16 * 1024);
  const size_t rest = text.find("...]\n", marker) + 5;
  CHECK(starts_with(text.substr(rest), "line "));
  const auto dropped = static_cast<size_t>(std::atoll(text.c_str() + marker + 6));
  CHECK(16 * 1024 + dropped + (text.size() - rest) == all.size());
}

TEST("log: one write larger than the whole file") {
  TemporaryFile file;
  BoundedLog log(file.take(), 8192);
  std::string large(1 << 20, 'x');
  large.replace(large.size() - 4, 4, "end\n");
  log.append(large);
  log.append("after\n");
  CHECK(file.content().size() <= 8192 && ends_with(file.content(), "end\nafter\n"));
  log.append(large);
  CHECK(file.content().size() <= 8192 && ends_with(file.content(), "end\n"));
}

TEST("log: a file opened for appending is none the worse") {
  TemporaryFile file(O_APPEND);
  BoundedLog log(file.take(), 8192);
  for (int i = 0; i < 5000; i++) log.append("line " + std::to_string(i) + "\n");
  CHECK(file.content().size() <= 8192);
  CHECK(starts_with(file.content(), "line 0\nline 1\n") && ends_with(file.content(), "line 4999\n"));
}

TEST("log: a pipe gets what fits") {
  int fds[2];
  CHECK(::pipe(fds) == 0);
  const msb::UniqueFd reader(fds[0]);
  {
    BoundedLog log(msb::UniqueFd(fds[1]), 4096);
    for (int i = 0; i < 1000; i++) log.append("0123456789");
  }
  std::string got(10000, '\0');
  CHECK(::read(fds[0], got.data(), got.size()) == 4096);
}

TEST("log: a file that was never opened is no reason to fail") {
  BoundedLog log(msb::UniqueFd(), 4096);
  log.append(std::string(10000, 'x'));
}
