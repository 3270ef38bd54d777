#include "exec_log.hh"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "../src/util/errno_name.hh"
#include "decimal.hh"
#include "io.hh"
#include "queue_bounds.hh"

namespace relay {

namespace {

/** Written at once when so much has been gathered. */
constexpr size_t kMostPending = 256 * 1024;
/** So much is not gathered, which would copy it once more. */
constexpr size_t kWorthWriting = 8 * 1024;
static_assert(kWorthWriting + 1024 < kWorthACall);
/** For the report of a loss, which comes before what is appended next. */
constexpr size_t kReportRoom = 128 + kRecordHeaderSize;
constexpr const char* kNewName = ".new-exec.log";
constexpr uint64_t kMostNumber = 0xfffffff0;

std::string name_of(uint32_t number) { return "exec." + std::to_string(number) + ".log"; }

/** Nothing for another file. */
std::optional<uint32_t> number_of(const std::string& name) {
  uint64_t number = 0;
  if (name.size() < 10 || name.compare(0, 5, "exec.") != 0 || name.compare(name.size() - 4, 4, ".log") != 0) return {};
  if (!parse_decimal(name.substr(5, name.size() - 9), 1, kMostNumber, number)) return {};
  return static_cast<uint32_t>(number);
}

std::vector<uint32_t> numbers_in(int directory) {
  std::vector<uint32_t> numbers;
  const int fd = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* entries = fd < 0 ? nullptr : ::fdopendir(fd);
  if (entries == nullptr) {
    if (fd >= 0) ::close(fd);
    return numbers;
  }
  while (const dirent* entry = ::readdir(entries)) {
    if (const auto number = number_of(entry->d_name)) numbers.push_back(*number);
  }
  ::closedir(entries);
  return numbers;
}

std::string random_name() {
  char bytes[kLogNameSize];
  if (::getentropy(bytes, sizeof bytes) != 0) return {};
  return std::string(bytes, sizeof bytes);
}

uint64_t unix_us() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

/** One after the other. */
bool write_all(int fd, Bytes first, Bytes second = {}) {
  while (!first.empty() || !second.empty()) {
    const auto part = [](Bytes bytes) { return iovec{const_cast<char*>(bytes.data()), bytes.size()}; };
    const iovec parts[] = {part(first), part(second)};
    const ssize_t written = ::writev(fd, parts, 2);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    const size_t of_first = std::min(first.size(), static_cast<size_t>(written));
    first.remove_prefix(of_first);
    second.remove_prefix(static_cast<size_t>(written) - of_first);
  }
  return true;
}

/** Nothing where it is not to be read, or larger than any of ours. */
std::optional<std::string> content_of(int fd, uint64_t most) {
  struct stat info{};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || static_cast<uint64_t>(info.st_size) > most) return std::nullopt;
  std::string content(static_cast<size_t>(info.st_size), '\0');
  size_t have = 0;
  while (have < content.size()) {
    const ssize_t got = ::pread(fd, content.data() + have, content.size() - have, static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    have += static_cast<size_t>(got);
  }
  return content;
}

}  // namespace

void ExecLog::open(int directory) {
  directory_ = directory;
  uint32_t newest = 0;
  const std::vector<uint32_t> numbers = numbers_in(directory);
  for (const uint32_t number : numbers) newest = std::max(newest, number);
  // What a relay that was killed had no time to remove.
  for (const uint32_t number : numbers) {
    if (number + bounds_.files <= newest) remove(number);
  }
  if (newest > 0) go_on_with(newest);
  if (!file_) next_file();
}

/** Takes up the file that another relay has left. One that makes no sense is left alone, and the next begun. */
void ExecLog::go_on_with(uint32_t number) {
  header_.number = number;
  header_.id = std::string(kLogNameSize, '\0');
  msb::UniqueFd file(::openat(directory_, name_of(number).c_str(), O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return;
  const auto content = content_of(file.get(), bounds_.file_bytes + 2 * kMostFrameLength);
  const auto header = content ? decode_segment_header(*content) : std::nullopt;
  if (!header || header->number != number) return;
  const SegmentScan scan = scan_segment(*content, *header);
  header_ = *header;
  sessions_ = scan.sessions;
  // A record that was cut off by the end of its relay would swallow the next.
  if (scan.continued || (scan.end < content->size() && ::ftruncate(file.get(), static_cast<off_t>(scan.end)) != 0)) return;
  file_ = std::move(file);
  size_ = scan.end;
  records_ = scan.records;
}

void ExecLog::append(LogKind kind, uint32_t session, Bytes data) {
  if (!make_room(data.size() + kReportRoom)) {
    lost_ += data.size();
    return;
  }
  if (lost_ > 0 && reported_ == 0) report_loss();
  pending_data_ += data.size();
  if (data.size() >= kWorthWriting) {
    put_header(kind, session, data.size());
    write(data);
  } else {
    put(kind, session, data);
    if (pending_.size() >= kMostPending) flush();
  }
}

void ExecLog::put_header(LogKind kind, uint32_t session, size_t size) {
  append_record_header(pending_, header_.sync, {static_cast<uint32_t>(size), kind, unix_us(), session});
  records_++;
}

void ExecLog::put(LogKind kind, uint32_t session, Bytes data) {
  put_header(kind, session, data.size());
  pending_.append(data);
}

void ExecLog::report_loss() {
  put(LogKind::kVmm, 0,
      "msb-relay: " + std::to_string(lost_) + " bytes of this log could not be written (" + msb::errno_name(error_) + ")\n");
  reported_ = std::exchange(lost_, 0);
}

void ExecLog::flush() {
  if (!pending_.empty()) write({});
}

/** What is on its way, and then `data`. */
void ExecLog::write(Bytes data) {
  if (write_all(file_.get(), pending_, data)) {
    size_ += pending_.size() + data.size();
  } else {
    error_ = errno;
    lost_ += pending_data_ + reported_;
    // Half of it would be in the way of what follows.
    (void)!::ftruncate(file_.get(), static_cast<off_t>(size_));
  }
  pending_.clear();
  pending_data_ = 0;
  reported_ = 0;
}

/** false: there is none, and what was to be appended is lost. */
bool ExecLog::make_room(size_t data_size) {
  const uint64_t size = size_ + pending_.size();
  const bool fits = size + kRecordHeaderSize + data_size <= bounds_.file_bytes && records_ < bounds_.file_records;
  // One that is empty is as good as the next.
  if (file_ && (fits || records_ == 0)) return true;
  if (file_) flush();
  return next_file();
}

bool ExecLog::next_file() {
  if (directory_ < 0) return false;
  SegmentHeader header;
  header.number = header_.number + 1;
  header.sessions = sessions_;
  header.id = random_name();
  header.previous = header_.id.empty() ? std::string(kLogNameSize, '\0') : header_.id;
  header.sync = random_name();
  msb::UniqueFd file = create(header);
  if (!file) {
    error_ = errno;
    return false;
  }
  if (file_) {
    // Wakes who follows the old one, and only now: the new one is there.
    put(LogKind::kContinued, 0, {});
    flush();
  }
  file_ = std::move(file);
  header_ = header;
  size_ = kSegmentHeaderSize;
  records_ = 0;
  if (header_.number > bounds_.files) remove(header_.number - bounds_.files);
  return true;
}

/** Under its name only when its header is whole. */
msb::UniqueFd ExecLog::create(const SegmentHeader& header) {
  if (header.id.empty() || header.sync.empty()) return {};
  const int flags = O_RDWR | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
  msb::UniqueFd file(::openat(directory_, kNewName, flags, 0600));
  if (!file) return {};
  if (write_all(file.get(), encode(header)) &&
      ::renameat(directory_, kNewName, directory_, name_of(header.number).c_str()) == 0) {
    return file;
  }
  const int error = errno;
  ::unlinkat(directory_, kNewName, 0);
  errno = error;
  return {};
}

void ExecLog::remove(uint32_t number) const { ::unlinkat(directory_, name_of(number).c_str(), 0); }

}  // namespace relay
