#include "cbor.hh"

namespace relay {

namespace {

enum Major : uint8_t { kUint = 0, kNegative = 1, kByteString = 2, kText = 3, kArray = 4, kMap = 5, kTag = 6, kSimple = 7 };

void append_head(std::string& out, Major major, uint64_t argument) {
  const auto put = [&out](uint8_t byte) { out.push_back(static_cast<char>(byte)); };
  const auto first = static_cast<uint8_t>(major << 5);
  if (argument < 24) {
    put(static_cast<uint8_t>(first | argument));
    return;
  }
  const int size = argument <= 0xff ? 1 : argument <= 0xffff ? 2 : argument <= 0xffffffff ? 4 : 8;
  put(static_cast<uint8_t>(first | (size == 1 ? 24 : size == 2 ? 25 : size == 4 ? 26 : 27)));
  for (int shift = (size - 1) * 8; shift >= 0; shift -= 8) put(static_cast<uint8_t>(argument >> shift & 0xff));
}

enum class Visited { kGoOn, kDone, kBroken };

class Reader {
 public:
  explicit Reader(Bytes bytes, uint64_t most_items = kMostItems) : rest_(bytes), items_left_(most_items) {}

  struct Head {
    uint8_t major;
    uint64_t argument;
  };

  std::optional<Head> head() {
    if (rest_.empty() || items_left_ == 0) return std::nullopt;
    items_left_--;
    const auto first = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    const uint8_t low = first & 0x1f;
    if (low < 24) return Head{static_cast<uint8_t>(first >> 5), low};
    if (low > 27) return std::nullopt;  // reserved, or of indefinite length
    const size_t size = size_t{1} << (low - 24);
    if (rest_.size() < size) return std::nullopt;
    uint64_t argument = 0;
    for (size_t i = 0; i < size; i++) argument = argument << 8 | static_cast<uint8_t>(rest_[i]);
    rest_.remove_prefix(size);
    return Head{static_cast<uint8_t>(first >> 5), argument};
  }

  std::optional<Bytes> take(uint64_t size) {
    if (size > rest_.size()) return std::nullopt;
    const Bytes taken = rest_.substr(0, static_cast<size_t>(size));
    rest_.remove_prefix(static_cast<size_t>(size));
    return taken;
  }

  std::optional<Bytes> text() {
    const auto found = head();
    if (!found || found->major != kText) return std::nullopt;
    return take(found->argument);
  }

  std::optional<Bytes> byte_string() {
    const auto found = head();
    if (!found || found->major != kByteString) return std::nullopt;
    return take(found->argument);
  }

  bool skip(int depth = 0) {
    const auto found = head();
    if (!found || depth > kMostDepth) return false;
    uint64_t children = 0;
    switch (found->major) {
      case kByteString:
      case kText:
        return take(found->argument).has_value();
      case kArray:
        children = found->argument;
        break;
      case kMap:
        if (found->argument > kMostMapItems) return false;
        children = found->argument * 2;
        break;
      case kTag:
        children = 1;
        break;
      default:
        break;
    }
    for (; children > 0; children--) {
      if (!skip(depth + 1)) return false;
    }
    return true;
  }

 private:
  static constexpr int kMostDepth = 4;
  static constexpr uint64_t kMostMapItems = 256;
  static constexpr uint64_t kMostItems = 256;
  Bytes rest_;
  uint64_t items_left_;
};

/** Goes through a map with text keys; `visit` reads the value, and says whether to go on. false: it is no such map. */
template <typename Visit>
bool each_field(Reader& reader, Visit visit) {
  const auto map = reader.head();
  if (!map || map->major != kMap) return false;
  for (uint64_t left = map->argument; left > 0; left--) {
    const auto key = reader.text();
    if (!key) return false;
    switch (visit(*key)) {
      case Visited::kGoOn:
        break;
      case Visited::kDone:
        return true;
      case Visited::kBroken:
        return false;
    }
  }
  return true;
}

}  // namespace

void cbor_map(std::string& out, uint32_t pairs) { append_head(out, kMap, pairs); }

void cbor_text(std::string& out, Bytes text) {
  append_head(out, kText, text.size());
  out.append(text);
}

void cbor_bytes(std::string& out, Bytes bytes) {
  append_head(out, kByteString, bytes.size());
  out.append(bytes);
}

void cbor_uint(std::string& out, uint64_t number) { append_head(out, kUint, number); }

void cbor_bool(std::string& out, bool value) { append_head(out, kSimple, value ? 21 : 20); }

std::optional<Bytes> message_type(Bytes body) {
  Reader reader(body);
  std::optional<Bytes> type;
  each_field(reader, [&](Bytes key) {
    if (key != "t") return reader.skip() ? Visited::kGoOn : Visited::kBroken;
    type = reader.text();
    return Visited::kDone;
  });
  return type;
}

std::optional<Message> message(Bytes body) {
  Reader reader(body);
  std::optional<Bytes> type;
  std::optional<Bytes> payload;
  each_field(reader, [&](Bytes key) {
    // One that says a thing twice says nothing: others might take the other.
    if (key == "t") {
      if (type || !(type = reader.text())) return Visited::kBroken;
    } else if (key == "p") {
      if (payload || !(payload = reader.byte_string())) return Visited::kBroken;
    } else if (!reader.skip()) {
      return Visited::kBroken;
    }
    return type && payload ? Visited::kDone : Visited::kGoOn;
  });
  if (!type || !payload) return std::nullopt;
  return Message{*type, *payload};
}

std::optional<Bytes> bytes_field(Bytes payload, Bytes wanted) {
  Reader reader(payload);
  std::optional<Bytes> bytes;
  each_field(reader, [&](Bytes key) {
    if (key != wanted) return reader.skip() ? Visited::kGoOn : Visited::kBroken;
    bytes = reader.byte_string();
    return Visited::kDone;
  });
  return bytes;
}

bool is_true(Bytes payload, Bytes wanted, uint64_t most_items) {
  Reader reader(payload, most_items);
  bool is = false;
  each_field(reader, [&](Bytes key) {
    if (key != wanted) return reader.skip() ? Visited::kGoOn : Visited::kBroken;
    const auto value = reader.head();
    is = value && value->major == kSimple && value->argument == 21;
    return Visited::kDone;
  });
  return is;
}

}  // namespace relay
