// Random schedules for the native engine, on real sockets: `run(seed, milliseconds)`, from the test relay-fuzz.test.ts.
#include <netinet/tcp.h>
#include <node_api.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <unordered_map>

#include "connection.h"

namespace fuzz {
namespace {

using sluice::Engine;
using sluice::Event;
using sluice::EventKind;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kMostLive = 48;
constexpr auto kStuckAfter = milliseconds(10'000);

struct Totals {
  std::size_t connections = 0;
  std::size_t broken = 0;
  /** Relayed by a thread of its own in the end. */
  std::size_t moved = 0;
  std::size_t bytes = 0;
};

/** What is accepted at `address` from here on takes little at once, and small segments. */
void shrink(const sluice::Address& address) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(entry.path().filename());
    sluice::Address local;
    socklen_t size = sluice::Address::room;
    if (::getsockname(fd, local.get(), &size) != 0 || local != address) continue;
    sluice::setOption(fd, SOL_SOCKET, SO_SNDBUF, 4096);
    sluice::setOption(fd, IPPROTO_TCP, TCP_MAXSEG, 1'000);
  }
}

/** One engine on a loop of its own, and connections through it. */
class Run {
 public:
  explicit Run(Dice& dice) : dice_(dice) {
    uv_loop_init(&loop_);
    // Every read full, or nearly none; pipes that run out; moves at once, or late; sends that wait for others: none, few, all.
    const std::size_t bufferBytes = oneIn(dice, 2) ? 32 * 1024 : 2048;
    engine_ = std::make_unique<Engine>(sluice::EngineInit{
        .loop = &loop_,
        .threads = static_cast<int>(dice() % 4),
        .bufferBytes = bufferBytes,
        .mostPipes = static_cast<int>(dice() % 6),
        .turnsAtHome = static_cast<int>(1 + dice() % 8),
        .outboxBytes = std::array<std::size_t, 4>{0, 100, 4096, 64 * 1024}[dice() % 4],
        .clock = sluice::Clock(0, nullptr),
        .told = [this] { told(); },
        .grow = [this] { return cells_.emplace_back(new sluice::Cells[sluice::Slots::kChunk]).get(); },
    });
    refuses_ = bound(traps_.refuses);
    stalls_ = bound(traps_.stalls);
    ::listen(stalls_.get(), 0);
    for (auto& fd : fillers_) {
      fd = sluice::openSocket(AF_INET, SOCK_STREAM);
      ::connect(fd.get(), traps_.stalls.get(), traps_.stalls.size());
    }
    bound(frontend_).reset();
    listener_ = engine_->listenTcp(frontend_, {});
    if (oneIn(dice, 2)) shrink(frontend_);
  }

  ~Run() {
    if (engine_) stop();
  }

  Totals until(steady_clock::time_point end) {
    while (steady_clock::now() < end || !live_.empty()) {
      if (steady_clock::now() < end && live_.size() < kMostLive && oneIn(dice_, 10)) start();
      turn();
    }
    stop();
    return totals_;
  }

 private:
  void start() {
    auto connection = std::make_shared<Connection>(dice_, frontend_, traps_);
    const auto port = connection->port();
    live_.push_back(connection);
    byPort_[port] = std::move(connection);
  }

  void turn() {
    if (oneIn(dice_, 4)) uv_run(&loop_, UV_RUN_NOWAIT);
    const auto now = steady_clock::now();
    if (live_.empty()) return;
    const std::size_t index = dice_() % live_.size();
    if (live_[index]->act(dice_, *engine_)) {
      progressAt_ = now;
      engine_->nudge();
    } else if (now - progressAt_ > kStuckAfter) {
      fail("stuck");
    }
    if (live_[index]->isOver()) finish(index);
  }

  void finish(std::size_t index) {
    const Connection& connection = *live_[index];
    const std::string wrong = connection.wrong();
    if (!wrong.empty()) throw std::runtime_error(wrong + "\n  " + connection.describe());
    ++totals_.connections;
    totals_.broken += connection.isBroken() ? 1 : 0;
    totals_.bytes += connection.received();
    live_.erase(live_.begin() + static_cast<std::ptrdiff_t>(index));
  }

  void told() {
    if (isTelling_) return;
    isTelling_ = true;
    for (engine_->take(batch_); !batch_.empty(); engine_->take(batch_)) {
      for (const Event& event : std::exchange(batch_, {})) handle(event);
    }
    isTelling_ = false;
  }

  void handle(const Event& event) {
    progressAt_ = steady_clock::now();
    if (event.kind == EventKind::acceptFailed) fail("accept failed");
    if (event.kind == EventKind::accepted) {
      bySlot_[event.slot] = std::move(byPort_.at(static_cast<std::uint16_t>(event.second)));
      bySlot_[event.slot]->accepted(*engine_, event.slot);
      return;
    }
    const auto found = bySlot_.find(event.slot);
    if (found == bySlot_.end()) fail("an event for a slot that was told to be closed");
    Connection& connection = *found->second;
    if (event.kind == EventKind::head) connection.head(*engine_, event.first == 1);
    if (event.kind == EventKind::connectFailed) connection.connectFailed(*engine_);
    if (event.kind != EventKind::closed) return;
    connection.closed(static_cast<sluice::Ending>(event.first), cellsOf(event.slot));
    totals_.moved += engine_->flow(event.slot)->isAtHome() ? 0 : 1;
    engine_->forget(event.slot);
    bySlot_.erase(found);
  }

  const sluice::Cells& cellsOf(std::int32_t slot) const {
    return cells_[static_cast<std::size_t>(slot / sluice::Slots::kChunk)][slot % sluice::Slots::kChunk];
  }

  void stop() {
    engine_->stopListening(listener_);
    engine_.reset();
    while (uv_run(&loop_, UV_RUN_DEFAULT) != 0) {
    }
    if (uv_loop_close(&loop_) != 0) std::abort();
  }

  [[noreturn]] void fail(const std::string& why) {
    std::string all = why;
    for (const auto& connection : live_) all += "\n  " + connection->describe();
    throw std::runtime_error(all);
  }

  Dice& dice_;
  uv_loop_t loop_;
  Totals totals_;
  Traps traps_;
  sluice::Fd refuses_;
  sluice::Fd stalls_;
  std::array<sluice::Fd, 3> fillers_;
  sluice::Address frontend_;
  std::int32_t listener_ = -1;
  std::vector<std::unique_ptr<sluice::Cells[]>> cells_;
  std::vector<Event> batch_;
  bool isTelling_ = false;
  steady_clock::time_point progressAt_ = steady_clock::now();
  std::vector<std::shared_ptr<Connection>> live_;
  std::unordered_map<std::uint16_t, std::shared_ptr<Connection>> byPort_;
  std::unordered_map<std::int32_t, std::shared_ptr<Connection>> bySlot_;
  std::unique_ptr<Engine> engine_;
};

/** All but files: the engine opens none, and a sanitizer may open one for a report of Node.js at any time. */
std::size_t descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::count_if(begin(all), end(all), [](const auto& entry) {
    std::error_code gone;
    return !std::filesystem::read_symlink(entry, gone).is_absolute() && !gone;
  }));
}

Totals run(std::uint64_t seed, milliseconds lasting) {
  Dice dice(seed);
  const std::size_t before = descriptors();
  const Totals totals = [&] { return Run(dice).until(steady_clock::now() + lasting); }();
  if (descriptors() != before) throw std::runtime_error("descriptors were not given back");
  return totals;
}

napi_value run(napi_env env, napi_callback_info info) {
  std::size_t count = 2;
  std::array<napi_value, 2> arguments{};
  std::array<double, 2> numbers{};
  napi_get_cb_info(env, info, &count, arguments.data(), nullptr, nullptr);
  for (std::size_t index = 0; index < 2; ++index) napi_get_value_double(env, arguments[index], &numbers[index]);
  napi_value result = nullptr;
  try {
    const Totals totals = run(static_cast<std::uint64_t>(numbers[0]), milliseconds(static_cast<int>(numbers[1])));
    napi_create_object(env, &result);
    const auto set = [&](const char* name, std::size_t value) {
      napi_value number = nullptr;
      napi_create_double(env, static_cast<double>(value), &number);
      napi_set_named_property(env, result, name, number);
    };
    set("connections", totals.connections);
    set("broken", totals.broken);
    set("moved", totals.moved);
    set("bytes", totals.bytes);
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
  }
  return result;
}

}  // namespace
}  // namespace fuzz

NAPI_MODULE_INIT() {
  napi_value function = nullptr;
  napi_create_function(env, "run", NAPI_AUTO_LENGTH, fuzz::run, nullptr, &function);
  napi_set_named_property(env, exports, "run", function);
  return exports;
}
