#pragma once

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

// As much of a test runner as these tests need: TAP out, 1 if anything failed.

namespace tap {

struct Case {
  const char* name;
  std::function<void()> body;
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

inline std::string& failure() {
  static std::string first;
  return first;
}

struct Register {
  Register(const char* name, std::function<void()> body) { cases().push_back({name, std::move(body)}); }
};

inline int run() {
  int number = 0;
  int failed = 0;
  for (const Case& test : cases()) {
    failure().clear();
    test.body();
    failed += failure().empty() ? 0 : 1;
    std::printf("%s %d - %s\n", failure().empty() ? "ok" : "not ok", ++number, test.name);
    if (!failure().empty()) std::printf("# %s\n", failure().c_str());
  }
  std::printf("1..%d\n", number);
  return failed > 0 ? 1 : 0;
}

}  // namespace tap

// Two steps, so that the line's number takes the place of __LINE__ before it is pasted.
#define TAP_PASTE(a, b) a##b
#define TAP_JOIN(a, b) TAP_PASTE(a, b)
#define TEST(name)                                                                             \
  static void TAP_JOIN(tap_case_, __LINE__)();                                                 \
  static const tap::Register TAP_JOIN(tap_register_, __LINE__)(name, TAP_JOIN(tap_case_, __LINE__)); \
  static void TAP_JOIN(tap_case_, __LINE__)()

/** Fails the test and goes on; the first failure is the one reported. */
#define CHECK(condition)                                                                                    \
  do {                                                                                                      \
    if (!(condition) && tap::failure().empty())                                                             \
      tap::failure() = std::string(__FILE__) + ":" + std::to_string(__LINE__) + ": " + #condition;          \
  } while (false)
