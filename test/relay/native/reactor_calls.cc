// How often a reactor calls a source that has ever more to do, for the test reactor.test.ts to ask.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "../../../src/relay/native/napi.h"
#include "../../../src/relay/native/reactor.h"

namespace {

/** Each call is followed by an event, and by one more call that it asks for: a socket that is never empty. */
class Flooded final : public sluice::Source {
 public:
  explicit Flooded(sluice::Reactor& reactor) : reactor_(reactor), fd_(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)) {
    reactor.add(fd_.get(), EPOLLIN, *this);
  }

  void ready(std::uint32_t) override {
    ++calls;
    ::eventfd_write(fd_.get(), 1);
    reactor_.again(*this);
  }

  int calls = 0;

 private:
  sluice::Reactor& reactor_;
  sluice::Fd fd_;
};

/** `callsOfTurns(turns)`: the most calls that one of so many turns has made. */
napi_value callsOfTurns(napi_env env, napi_callback_info info) {
  const sluice::Arguments in(env, info);
  sluice::Reactor reactor(1024, 0, 0);
  Flooded source(reactor);
  int most = 0;
  for (int turn = 0; turn < in.integer(0); ++turn) {
    const int before = source.calls;
    reactor.turn(0);
    most = std::max(most, source.calls - before);
  }
  return sluice::number(env, most);
}

}  // namespace

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {sluice::method("callsOfTurns", callsOfTurns)};
  napi_define_properties(env, exports, std::size(functions), functions);
  return exports;
}
