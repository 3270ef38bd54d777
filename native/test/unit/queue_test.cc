#include "../../relay/byte_queue.hh"

#include <fcntl.h>
#include <unistd.h>

#include "../../src/util/unique_fd.hh"
#include "tap.hh"

using relay::ByteQueue;

TEST("queue: a full pipe takes a part, the rest follows in order") {
  int fds[2];
  CHECK(::pipe(fds) == 0);
  const msb::UniqueFd read_end(fds[0]);
  const msb::UniqueFd write_end(fds[1]);
  ::fcntl(fds[1], F_SETFL, O_NONBLOCK);

  std::string sent;
  for (int i = 0; sent.size() < 1 << 20; i++) sent += std::to_string(i) + " ";
  ByteQueue queue;
  queue.append(sent);
  CHECK(queue.write_to(fds[1]) == ByteQueue::Result::kOk);
  CHECK(!queue.empty() && queue.size() < sent.size());

  std::string got;
  std::string buffer(10000, '\0');
  while (got.size() < sent.size()) {
    const ssize_t count = ::read(fds[0], buffer.data(), buffer.size());
    CHECK(count > 0);
    if (count <= 0) break;
    got.append(buffer, 0, static_cast<size_t>(count));
    CHECK(queue.write_to(fds[1]) == ByteQueue::Result::kOk);
  }
  CHECK(got == sent && queue.empty());
}

TEST("queue: a reader that has gone breaks it") {
  int fds[2];
  CHECK(::pipe(fds) == 0);
  const msb::UniqueFd write_end(fds[1]);
  ::close(fds[0]);
  ByteQueue queue;
  queue.append("x");
  CHECK(queue.write_to(fds[1]) == ByteQueue::Result::kBroken);
}
