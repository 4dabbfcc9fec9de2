// Faults on purpose: when it is loaded, the one that CANARY names. A sanitizer that misses it would miss ours.
#include <cstdlib>
#include <string>
#include <thread>

namespace {
volatile int sink;

void useAfterFree() {
  auto* volatile bytes = new char[8];
  delete[] bytes;
  sink = bytes[3];
}

void signedOverflow() {
  volatile int most = 0x7fffffff;
  sink = most + 1;
}

__attribute__((noinline)) void leak() {
  auto* volatile lost = new char[4711];
  lost = nullptr;
  sink = lost == nullptr;
}

void race() {
  int shared = 0;
  std::thread other([&] { ++shared; });
  ++shared;
  other.join();
  sink = shared;
}

__attribute__((constructor)) void sing() {
  const std::string fault = std::getenv("CANARY");
  if (fault == "heap-use-after-free") useAfterFree();
  if (fault == "signed-overflow") signedOverflow();
  if (fault == "leak") leak();
  if (fault == "data-race") race();
}
}  // namespace
