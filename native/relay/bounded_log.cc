#include "bounded_log.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace relay {

namespace {

constexpr uint64_t kHead = 16 * 1024;
/** Room for marker(), whatever its number. */
constexpr uint64_t kMarkerRoom = 64;

bool is_plain_file(int fd) {
  struct stat info{};
  return ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

}  // namespace

BoundedLog::BoundedLog(msb::UniqueFd file, uint64_t limit)
    : file_(std::move(file)), limit_(limit), head_limit_(std::min(kHead, limit / 4)), plain_(is_plain_file(file_.get())) {
  if (!plain_) return;
  // With O_APPEND pwrite would ignore its offset.
  const int flags = ::fcntl(file_.get(), F_GETFL);
  if (flags >= 0 && (flags & O_APPEND) != 0) ::fcntl(file_.get(), F_SETFL, flags & ~O_APPEND);
  (void)!::ftruncate(file_.get(), 0);
}

void BoundedLog::append(Bytes bytes) {
  if (!plain_) {
    const Bytes fitting = bytes.substr(0, static_cast<size_t>(limit_ - head_size_));
    head_size_ += fitting.size();
    (void)!::write(file_.get(), fitting.data(), fitting.size());
    return;
  }
  const Bytes for_head = bytes.substr(0, static_cast<size_t>(head_limit_ - head_size_));
  write_at(head_size_, for_head);
  head_size_ += for_head.size();
  bytes.remove_prefix(for_head.size());
  if (!bytes.empty()) append_to_tail(bytes);
}

void BoundedLog::append_to_tail(Bytes bytes) {
  const uint64_t room = limit_ - head_limit_ - kMarkerRoom;
  if (tail_.size() + bytes.size() > room) {
    drop_older_half(bytes.size());
    if (bytes.size() > room / 2) {
      dropped_ += bytes.size() - room / 2;
      bytes.remove_prefix(static_cast<size_t>(bytes.size() - room / 2));
    }
    tail_.append(bytes);
    const std::string text = marker() + tail_;
    write_at(head_limit_, text);
    (void)!::ftruncate(file_.get(), static_cast<off_t>(head_limit_ + text.size()));
    return;
  }
  const uint64_t offset = head_limit_ + (dropped_ > 0 ? marker().size() : 0) + tail_.size();
  tail_.append(bytes);
  write_at(offset, bytes);
}

void BoundedLog::drop_older_half(size_t incoming) {
  const uint64_t room = limit_ - head_limit_ - kMarkerRoom;
  const uint64_t keep = incoming >= room / 2 ? 0 : room / 2 - incoming;
  if (tail_.size() <= keep) return;
  auto cut = static_cast<size_t>(tail_.size() - keep);
  // From the start of a line, where one begins soon enough.
  const size_t line = tail_.find('\n', cut);
  if (line != std::string::npos && line - cut < 1024) cut = line + 1;
  dropped_ += cut;
  tail_.erase(0, cut);
}

std::string BoundedLog::marker() const { return "\n[... " + std::to_string(dropped_) + " bytes left out ...]\n"; }

void BoundedLog::write_at(uint64_t offset, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    offset += static_cast<uint64_t>(written);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace relay
