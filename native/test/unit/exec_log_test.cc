#include "../../relay/exec_log.hh"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <random>

#include "tap.hh"

using namespace relay;

namespace {

uint32_t u32_at(const std::string& bytes, size_t at) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; i++) number = number << 8 | static_cast<uint8_t>(bytes[at + i]);
  return number;
}

struct Entry {
  LogKind kind;
  uint32_t session;
  std::string data;
  bool operator==(const Entry& other) const {
    return kind == other.kind && session == other.session && data == other.data;
  }
};

/** A directory with logs in it, and a reader that takes them by the letter. */
class Directory {
 public:
  Directory() {
    char name[] = "/tmp/exec-log-XXXXXX";
    path_ = ::mkdtemp(name);
    fd_.reset(::open(name, O_RDONLY | O_DIRECTORY));
  }
  ~Directory() {
    for (const auto& [name, size] : files()) ::unlink((path_ + "/" + name).c_str());
    ::rmdir(path_.c_str());
  }
  int fd() const { return fd_.get(); }
  std::string path(uint32_t number) const { return path_ + "/exec." + std::to_string(number) + ".log"; }

  std::map<std::string, uint64_t> files() const {
    std::map<std::string, uint64_t> found;
    DIR* entries = ::opendir(path_.c_str());
    while (const dirent* entry = ::readdir(entries)) {
      struct stat info{};
      if (entry->d_name[0] == '.' && std::string(entry->d_name).size() < 3) continue;
      if (::fstatat(fd_.get(), entry->d_name, &info, 0) == 0) found[entry->d_name] = static_cast<uint64_t>(info.st_size);
    }
    ::closedir(entries);
    return found;
  }

  std::string content(uint32_t number) const {
    std::string bytes(32 << 20, '\0');
    const msb::UniqueFd file(::open(path(number).c_str(), O_RDONLY));
    bytes.resize(static_cast<size_t>(::read(file.get(), bytes.data(), bytes.size())));
    return bytes;
  }
  void write(uint32_t number, const std::string& bytes, int flags = O_TRUNC) const {
    const msb::UniqueFd file(::open(path(number).c_str(), O_WRONLY | O_CREAT | flags, 0600));
    CHECK(::write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }

  std::vector<Entry> entries(uint32_t number) const {
    const std::string bytes = content(number);
    const auto header = decode_segment_header(bytes);
    CHECK(header && header->number == number);
    std::vector<Entry> found;
    for (size_t at = kSegmentHeaderSize; at + kRecordHeaderSize <= bytes.size();) {
      CHECK(bytes.compare(at, 8, header->sync) == 0);
      const uint32_t length = u32_at(bytes, at + 8);
      found.push_back({static_cast<LogKind>(bytes[at + 12]), u32_at(bytes, at + 24), bytes.substr(at + 32, length)});
      at += 32 + length;
    }
    return found;
  }

 private:
  std::string path_;
  msb::UniqueFd fd_;
};

}  // namespace

TEST("exec log: what was appended is in the file when it is flushed, private and in order") {
  Directory directory;
  ExecLog log;
  log.open(directory.fd());
  CHECK(log.new_session() == 1);
  log.append(LogKind::kStarted, 0, "started\n");
  log.append(LogKind::kStdout, 1, std::string("a\0b", 3));
  CHECK(directory.entries(1).empty());
  log.flush();
  log.append(LogKind::kStderr, 1, "err");
  log.flush();
  CHECK((directory.entries(1) == std::vector<Entry>{{LogKind::kStarted, 0, "started\n"},
                                                    {LogKind::kStdout, 1, std::string("a\0b", 3)},
                                                    {LogKind::kStderr, 1, "err"}}));
  struct stat info{};
  CHECK(::stat(directory.path(1).c_str(), &info) == 0 && (info.st_mode & 0777) == 0600);
  CHECK(directory.files().size() == 1);
}

TEST("exec log: a flood costs so much disk and no more, and the files are a chain") {
  Directory directory;
  ExecLog log({64 * 1024, 1000, 3});
  log.open(directory.fd());
  std::mt19937 random(3);
  for (int i = 0; i < 5000; i++) {
    log.append(LogKind::kStdout, 1, std::string(random() % 3000, 'x'));
    if (i % 7 == 0) log.flush();
    if (i % 500 != 0) continue;
    uint64_t all = 0;
    for (const auto& [name, size] : directory.files()) all += size;
    CHECK(all <= 3 * (64 * 1024 + kRecordHeaderSize) && directory.files().size() <= 3);
  }
  log.flush();
  std::string previous;
  for (const auto& [name, size] : directory.files()) {
    const uint32_t number = static_cast<uint32_t>(std::atoi(name.c_str() + 5));
    const auto header = decode_segment_header(directory.content(number));
    CHECK(header && (previous.empty() || header->previous == previous));
    previous = header->id;
    const auto entries = directory.entries(number);
    const bool last = name == directory.files().rbegin()->first;
    CHECK((entries.back().kind == LogKind::kContinued) != last);
  }
}

TEST("exec log: a flood of nothing is bounded too, and so is a record of the largest size") {
  Directory directory;
  ExecLog log({64 * 1024, 100, 2});
  log.open(directory.fd());
  for (int i = 0; i < 1050; i++) log.append(LogKind::kStdout, 1, "");
  log.flush();
  CHECK((directory.files() == std::map<std::string, uint64_t>{{"exec.10.log", 48 + 101 * 32}, {"exec.11.log", 48 + 50 * 32}}));
  log.append(LogKind::kStdout, 1, std::string(4 << 20, 'y'));
  log.append(LogKind::kStdout, 1, "after");
  log.flush();
  CHECK(directory.entries(12).size() == 2 && directory.entries(13) == (std::vector<Entry>{{LogKind::kStdout, 1, "after"}}));
}

TEST("exec log: the next relay goes on where the last has ended, also in the middle of a record") {
  Directory directory;
  for (uint32_t run = 0; run < 3; run++) {
    ExecLog log;
    log.open(directory.fd());
    CHECK(log.new_session() == run + 1);
    log.append(LogKind::kStdout, run + 1, "run");
    log.flush();
    const std::string whole = directory.content(1);
    if (run == 0) directory.write(1, whole.substr(48, 20), O_APPEND);  // a record that was cut off
    if (run == 1) directory.write(1, "rubbish", O_APPEND);
  }
  CHECK((directory.entries(1) ==
         std::vector<Entry>{{LogKind::kStdout, 1, "run"}, {LogKind::kStdout, 2, "run"}, {LogKind::kStdout, 3, "run"}}));
}

TEST("exec log: what lies behind rubbish is kept; the numbers of commands go on over files") {
  Directory directory;
  {
    ExecLog log({64 * 1024, 4, 3});
    log.open(directory.fd());
    for (int i = 0; i < 6; i++) log.append(LogKind::kStdout, log.new_session(), "data");
  }
  CHECK(directory.files().size() == 2);
  std::string bytes = directory.content(1);
  bytes.replace(48 + 36 + 3, 12, "REPLACED\0\xff\xff\xff", 12);
  const auto header = decode_segment_header(bytes);
  const SegmentScan scan = scan_segment(bytes, *header);
  CHECK(scan.end == bytes.size() && scan.records == 4 && scan.sessions == 4 && scan.continued);
  ExecLog log({64 * 1024, 4, 3});
  log.open(directory.fd());
  CHECK(log.new_session() == 6);  // the sixth was never written
}

TEST("exec log: a file that is none of ours is left alone, and another begun") {
  for (const std::string& content : {std::string(), std::string("exec log of somebody else's"), std::string(48, '\0')}) {
    Directory directory;
    directory.write(7, content);
    ExecLog log;
    log.open(directory.fd());
    log.append(LogKind::kStdout, 1, "ours");
    log.flush();
    CHECK(directory.content(7) == content && directory.entries(8).size() == 1);
  }
}

TEST("exec log: what a guest writes is never taken for a record") {
  Directory directory;
  ExecLog log;
  log.open(directory.fd());
  std::string forged;
  append_record_header(forged, "\1\2\3\4\5\6\7\10", {4, LogKind::kStopped, 1, 1});
  log.append(LogKind::kStdout, 1, forged + "lies");
  log.append(LogKind::kStdout, 1, "truth");
  log.flush();
  std::string bytes = directory.content(1);
  bytes[48] = static_cast<char>(~bytes[48]);  // the record around it is damaged
  const SegmentScan scan = scan_segment(bytes, *decode_segment_header(bytes));
  CHECK(scan.records == 1);
}

TEST("exec log: what cannot be written is counted, and said when it can be again") {
  Directory directory;
  ExecLog log({4096, 100, 4});
  log.open(directory.fd());
  log.append(LogKind::kStdout, 1, std::string(3000, 'a'));
  log.flush();
  // The next file's name is taken by a directory, so that there can be none.
  CHECK(::mkdirat(directory.fd(), ".new-exec.log", 0700) == 0);
  for (int i = 0; i < 5; i++) log.append(LogKind::kStdout, 1, std::string(3000, 'b'));
  log.flush();
  CHECK(directory.files().size() == 2 && directory.entries(1).size() == 1);
  CHECK(::unlinkat(directory.fd(), ".new-exec.log", AT_REMOVEDIR) == 0);
  log.append(LogKind::kStdout, 1, std::string(3000, 'c'));
  log.flush();
  bool said = false;
  for (const uint32_t number : {1u, 2u}) {
    for (const Entry& entry : directory.entries(number)) {
      said |= entry.kind == LogKind::kVmm && entry.data.find("15000 bytes of this log could not be written (EISDIR)") == 11;
    }
  }
  CHECK(said && directory.entries(2).back().data == std::string(3000, 'c'));
}

TEST("exec log: without a directory nothing is written, and nothing fails") {
  ExecLog log;
  log.append(LogKind::kStdout, 1, std::string(10 << 20, 'x'));
  log.flush();
  log.open(-1);
  log.append(LogKind::kStdout, 1, "x");
  log.flush();
}

TEST("exec log: mutated files hurt nobody") {
  Directory directory;
  {
    ExecLog log;
    log.open(directory.fd());
    for (int i = 0; i < 20; i++) log.append(LogKind::kStdout, log.new_session(), std::string(static_cast<size_t>(i), 'm'));
    log.flush();
  }
  const std::string good = directory.content(1);
  const auto header = decode_segment_header(good);
  std::mt19937 random(5);
  for (int i = 0; i < 20000; i++) {
    std::string bytes = good;
    for (uint32_t left = random() % 6; left > 0; left--) bytes[48 + random() % (bytes.size() - 48)] = static_cast<char>(random());
    bytes.resize(48 + random() % (bytes.size() - 47));
    const std::vector<char> exact(bytes.begin(), bytes.end());
    const SegmentScan scan = scan_segment(Bytes(exact.data(), exact.size()), *header);
    CHECK(scan.end <= bytes.size() && scan.records <= 20);
  }
}
