#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "frame.hh"

namespace relay {

// As much CBOR as a relay needs: it writes four small messages and reads the type of a few.

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

}  // namespace relay
