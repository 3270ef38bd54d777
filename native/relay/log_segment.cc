#include "log_segment.hh"

#include <algorithm>

namespace relay {

namespace {

constexpr Bytes kMagic("msb-log\x01", kLogNameSize);

/** FNV-1a: tells a header from what is none. Against malice there is the random mark. */
uint32_t checksum(Bytes bytes) {
  uint32_t sum = 0x811c9dc5;
  for (const char c : bytes) sum = (sum ^ static_cast<uint8_t>(c)) * 0x01000193;
  return sum;
}

uint32_t u32_at(Bytes bytes, size_t at) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; i++) number = number << 8 | static_cast<uint8_t>(bytes[at + i]);
  return number;
}

bool is_sound(Bytes header, size_t checked) { return checksum(header.substr(0, checked)) == u32_at(header, checked); }

constexpr size_t kSegmentChecked = 40;
constexpr size_t kRecordChecked = 28;

bool is_record(Bytes bytes, Bytes sync) {
  return bytes.substr(0, kLogNameSize) == sync && bytes.size() >= kRecordHeaderSize && is_sound(bytes, kRecordChecked);
}

}  // namespace

std::string encode(const SegmentHeader& header) {
  std::string out(kMagic);
  append_u32(out, header.number);
  append_u32(out, header.sessions);
  out += header.id + header.previous + header.sync;
  append_u32(out, checksum(out));
  append_u32(out, 0);
  return out;
}

std::optional<SegmentHeader> decode_segment_header(Bytes bytes) {
  if (bytes.size() < kSegmentHeaderSize || bytes.substr(0, kLogNameSize) != kMagic) return std::nullopt;
  if (!is_sound(bytes, kSegmentChecked)) return std::nullopt;
  const auto name_at = [bytes](size_t at) { return std::string(bytes.substr(at, kLogNameSize)); };
  return SegmentHeader{u32_at(bytes, 8), u32_at(bytes, 12), name_at(16), name_at(24), name_at(32)};
}

void append_record_header(std::string& out, Bytes sync, const RecordHeader& header) {
  const size_t begin = out.size();
  out.append(sync);
  append_u32(out, header.length);
  append_u32(out, static_cast<uint32_t>(header.kind) << 24);
  append_u32(out, static_cast<uint32_t>(header.time_us >> 32));
  append_u32(out, static_cast<uint32_t>(header.time_us));
  append_u32(out, header.session);
  append_u32(out, checksum(Bytes(out).substr(begin)));
}

SegmentScan scan_segment(Bytes content, const SegmentHeader& header) {
  SegmentScan scan;
  scan.end = kSegmentHeaderSize;
  scan.sessions = header.sessions;
  size_t at = kSegmentHeaderSize;
  while (at < content.size()) {
    const Bytes rest = content.substr(at);
    const size_t size = is_record(rest, header.sync) ? kRecordHeaderSize + size_t{u32_at(rest, 8)} : 0;
    if (size == 0 || size > rest.size()) {
      at = content.find(header.sync, at + 1);
      continue;
    }
    scan.records++;
    scan.sessions = std::max(scan.sessions, u32_at(rest, 24));
    scan.continued = static_cast<LogKind>(rest[12]) == LogKind::kContinued;
    at += size;
    scan.end = at;
  }
  return scan;
}

}  // namespace relay
