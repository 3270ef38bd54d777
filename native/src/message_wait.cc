#include "message_wait.hh"

#include <fcntl.h>

#include "sys/message.hh"
#include "util/sys_error.hh"

namespace msb {

namespace {

Napi::Value to_js(Napi::Env env, Message& message) {
  Napi::Array fds = Napi::Array::New(env, message.fds.size());
  for (uint32_t i = 0; i < message.fds.size(); i++) fds.Set(i, message.fds[i].release());
  Napi::Object result = Napi::Object::New(env);
  result.Set("bytes", Napi::Buffer<char>::Copy(env, message.bytes.data(), message.bytes.size()));
  result.Set("fds", fds);
  return result;
}

class MessageWait : public WaitSource {
 public:
  explicit MessageWait(UniqueFd socket) : socket_(std::move(socket)) {}

  int descriptor() const override { return socket_.get(); }

  Settlement ready() override {
    try {
      std::optional<Message> message = receive_message(socket_.get());
      if (!message) return {};
      // Shared: a std::function must be able to be copied.
      return [shared = std::make_shared<Message>(std::move(*message))](Napi::Env env) { return to_js(env, *shared); };
    } catch (const SysError& error) {
      return [error](Napi::Env) -> Napi::Value { throw error; };
    }
  }

  Settlement timed_out() override {
    return [](Napi::Env) -> Napi::Value { throw SysError("recvmsg", ETIMEDOUT, {}, "there was no answer in time"); };
  }

 private:
  UniqueFd socket_;
};

}  // namespace

// A descriptor of our own, so that the caller may close theirs while we wait.
std::unique_ptr<WaitSource> wait_for_message(int socket) {
  UniqueFd own(::fcntl(socket, F_DUPFD_CLOEXEC, 0));
  if (!own) throw_errno("fcntl");
  return std::make_unique<MessageWait>(std::move(own));
}

}  // namespace msb
