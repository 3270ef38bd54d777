#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "frame.hh"

namespace relay {

// As much CBOR as a relay needs: it writes four small messages, reads the type of a few, and what commands write.

void cbor_map(std::string& out, uint32_t pairs);
void cbor_text(std::string& out, Bytes text);
void cbor_bytes(std::string& out, Bytes bytes);
void cbor_uint(std::string& out, uint64_t number);
void cbor_bool(std::string& out, bool value);

/**
 * `t` of a message body {v, t, p}. Nothing where the body is not such a map: the guest may have sent anything. Looks at
 * a bounded number of items, nested a bounded number of times, of definite length.
 */
std::optional<Bytes> message_type(Bytes body);

struct Message {
  Bytes type;
  Bytes payload;
};

/** Type and payload of a body, as message_type() reads it. */
std::optional<Message> message(Bytes body);

/** A byte string of a payload, by its key; nothing where there is none. As bounded as message_type(). */
std::optional<Bytes> bytes_field(Bytes payload, Bytes wanted);

/** Whether a payload says `true` for that key. A client's request may have more items before it than the guest's messages may. */
bool is_true(Bytes payload, Bytes wanted, uint64_t most_items);

}  // namespace relay
