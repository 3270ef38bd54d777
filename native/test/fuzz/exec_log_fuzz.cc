// The log of a whole machine: whatever commands and the console say, over relays that follow each other, it is the end of all that
// was said, in order; it takes so much disk and no more; and files that have been damaged, or are somebody else's, stop nothing.

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "../../relay/exec_log.hh"
#include "../../relay/log_lines.hh"
#include "fuzz.hh"

using namespace relay;

namespace {

constexpr ExecLog::Bounds kBounds{4096, 12, 3};
/** Of what one record can hold here. */
constexpr size_t kMostData = 12 * 1024;
/** A line that is longer comes in pieces. */
constexpr size_t kMostLine = 4096;

struct Entry {
  uint8_t kind;
  uint32_t session;
  std::string data;
  bool operator==(const Entry& other) const {
    return kind == other.kind && session == other.session && data == other.data;
  }
};

uint32_t number_at(Bytes bytes, size_t at) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; i++) number = number << 8 | static_cast<uint8_t>(bytes[at + i]);
  return number;
}

/** One for the whole process; emptied for each run. It is in TMPDIR, which `npm run fuzz` makes, and removes whatever happens. */
class Directory {
 public:
  Directory() {
    const char* place = std::getenv("TMPDIR");
    path_ = std::string(place != nullptr ? place : "/tmp") + "/msb-fuzz-XXXXXX";
    PROMISE(::mkdtemp(path_.data()) != nullptr);
    fd_.reset(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~Directory() {
    clear();
    ::rmdir(path_.c_str());
  }

  int fd() const { return fd_.get(); }

  /** The files of the log, by their numbers. */
  std::map<uint32_t, std::string> files() const {
    std::map<uint32_t, std::string> found;
    each([&](const std::string& name) {
      const msb::UniqueFd file(::openat(fd(), name.c_str(), O_RDONLY | O_CLOEXEC));
      struct stat info{};
      PROMISE(file && ::fstat(file.get(), &info) == 0);
      std::string content(static_cast<size_t>(info.st_size), '\0');
      PROMISE(::read(file.get(), content.data(), content.size()) == info.st_size);
      unsigned number = 0;
      if (std::sscanf(name.c_str(), "exec.%u.log", &number) == 1) found[number] = content;
    });
    return found;
  }

  void clear() const {
    each([&](const std::string& name) { ::unlinkat(fd(), name.c_str(), 0); });
  }

 private:
  template <typename Visit>
  void each(Visit visit) const {
    DIR* entries = ::opendir(path_.c_str());
    PROMISE(entries != nullptr);
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(entries)) {
      if (entry->d_type == DT_REG) names.emplace_back(entry->d_name);
    }
    ::closedir(entries);
    for (const std::string& name : names) visit(name);
  }

  std::string path_;
  msb::UniqueFd fd_;
};

Directory& directory() {
  static Directory only;
  return only;
}

/** As the format is described, from files that nobody has damaged. */
std::vector<Entry> read_plainly(const std::map<uint32_t, std::string>& files) {
  std::vector<Entry> entries;
  for (const auto& [number, content] : files) {
    const auto header = decode_segment_header(content);
    PROMISE(header && header->number == number);
    size_t at = kSegmentHeaderSize;
    bool continued = false;
    while (at < content.size()) {
      PROMISE(!continued && content.size() - at >= kRecordHeaderSize && content.compare(at, kLogNameSize, header->sync) == 0);
      const uint32_t length = number_at(content, at + 8);
      const auto kind = static_cast<uint8_t>(content[at + 12]);
      PROMISE(content.size() - at - kRecordHeaderSize >= length);
      continued = kind == static_cast<uint8_t>(LogKind::kContinued);
      if (!continued) entries.push_back({kind, number_at(content, at + 24), content.substr(at + kRecordHeaderSize, length)});
      at += kRecordHeaderSize + length;
    }
    PROMISE(continued == (number != files.rbegin()->first));
  }
  return entries;
}

/** As far as there is sense in them: what is no record is passed over, and a file ends where it says so. */
std::vector<Entry> read_leniently(const std::map<uint32_t, std::string>& files) {
  std::vector<Entry> entries;
  for (const auto& [number, content] : files) {
    const auto header = decode_segment_header(content);
    if (!header || header->number != number) continue;
    for (size_t at = kSegmentHeaderSize; at < content.size();) {
      const Bytes rest = Bytes(content).substr(at);
      // A header is made by nobody but the log itself: it has a random mark, and a sum.
      std::string expected;
      RecordHeader record;
      if (rest.size() >= kRecordHeaderSize) {
        record.length = number_at(rest, 8);
        record.kind = static_cast<LogKind>(rest[12]);
        record.time_us = uint64_t{number_at(rest, 16)} << 32 | number_at(rest, 20);
        record.session = number_at(rest, 24);
        append_record_header(expected, header->sync, record);
      }
      if (expected.empty() || rest.substr(0, expected.size()) != expected || rest.size() - expected.size() < record.length) {
        at = content.find(header->sync, at + 1);
        continue;
      }
      if (record.kind == LogKind::kContinued) break;
      const Bytes data = rest.substr(expected.size(), record.length);
      entries.push_back({static_cast<uint8_t>(record.kind), record.session, std::string(data)});
      at += expected.size() + record.length;
    }
  }
  return entries;
}

class Bench {
 public:
  explicit Bench(fuzz::Input& input) : input_(input) {
    directory().clear();
    reopen();
  }

  void run() {
    while (!input_.empty()) step();
    finish_line();
    log_->flush();
    check();
  }

 private:
  void step() {
    switch (input_.byte() % 8) {
      case 0:
      case 1:
      case 2:
        return append();
      case 3:
        return console();
      case 4:
        log_->flush();
        return check();
      case 5:
        // Dies as it is killed, or ends well.
        if (input_.byte() % 2 == 0) finish_line();
        log_->flush();
        return reopen();
      case 6:
        return damage();
      default:
        PROMISE(log_->new_session() > 0);
        return;
    }
  }

  void append() {
    const auto kind = static_cast<LogKind>(1 + input_.byte() % 7);
    const uint32_t session = input_.byte();
    const size_t times = 1 + input_.byte();
    std::string data;
    const Bytes part = input_.bytes(input_.byte() % 48);
    for (size_t i = 0; i < times && data.size() + part.size() <= kMostData; i++) data += part;
    const fuzz::Exact exact(data);
    log_->append(kind, session, exact.bytes());
    said_.push_back({static_cast<uint8_t>(kind), session, data});
  }

  /** Lines, in whatever pieces they come. */
  void console() {
    const size_t times = 1 + input_.byte() % 128;
    const Bytes part = input_.bytes(input_.byte() % 48);
    std::string text;
    for (size_t i = 0; i < times; i++) text += part;
    const fuzz::Exact exact(text);
    lines_->append(exact.bytes());
    for (const char c : text) {
      line_ += c;
      if (c != '\n' && line_.size() < kMostLine) continue;
      said_.push_back({static_cast<uint8_t>(LogKind::kConsole), 0, line_});
      line_.clear();
    }
  }

  void finish_line() {
    lines_->finish();
    if (!line_.empty()) said_.push_back({static_cast<uint8_t>(LogKind::kConsole), 0, line_});
    line_.clear();
  }

  /** A relay ends, and the next goes on with what is there. */
  void reopen() {
    line_.clear();
    log_ = std::make_unique<ExecLog>(kBounds);
    lines_ = std::make_unique<LogLines>(*log_, LogKind::kConsole);
    log_->open(directory().fd());
  }

  /** What a power cut may leave, or whoever writes into a directory that is not his: between two relays. */
  void damage() {
    damaged_ = true;
    const std::string name = "exec." + std::to_string(1 + input_.byte() % 6) + ".log";
    const uint8_t how = input_.byte();
    const uint16_t at = input_.word();
    const Bytes bytes = input_.bytes(input_.byte() % 64);
    log_->flush();
    if (how % 3 == 0) {
      ::unlinkat(directory().fd(), name.c_str(), 0);
    } else {
      const msb::UniqueFd file(::openat(directory().fd(), name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
      PROMISE(file);
      if (how % 3 == 1) {
        PROMISE(::pwrite(file.get(), bytes.data(), bytes.size(), at % 4096) == static_cast<ssize_t>(bytes.size()));
      } else {
        PROMISE(::ftruncate(file.get(), at % 4096) == 0);
      }
    }
    reopen();
    said_.clear();
  }

  void check() {
    const auto files = directory().files();
    // Whoever damages them may also have made some of his own, which go when their turn comes.
    PROMISE(damaged_ || files.size() <= kBounds.files);
    for (const auto& [number, content] : files) {
      PROMISE(content.size() <= kBounds.file_bytes + kMostData + kSegmentHeaderSize + 4 * kRecordHeaderSize);
    }
    if (damaged_) {
      // What was there may have gone, and not a word of what has been said since.
      const std::vector<Entry> entries = read_leniently(files);
      const auto common = static_cast<ptrdiff_t>(std::min(entries.size(), said_.size()));
      PROMISE(said_.empty() || !entries.empty());
      PROMISE(std::equal(entries.rbegin(), entries.rbegin() + common, said_.rbegin()));
      return;
    }
    const std::vector<Entry> entries = read_plainly(files);
    PROMISE(entries.size() <= said_.size());
    PROMISE(std::equal(entries.rbegin(), entries.rend(), said_.rbegin()));
    // Nothing has gone but for want of room.
    if (files.begin()->first == 1) PROMISE(entries.size() == said_.size());
  }

  fuzz::Input& input_;
  std::unique_ptr<ExecLog> log_;
  std::unique_ptr<LogLines> lines_;
  std::vector<Entry> said_;
  std::string line_;
  bool damaged_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  Bench(input).run();
  return 0;
}
