// How every Transport ends what is under way when a stop is requested. No request of these tests
// has a deadline that a test would live to see: it is cancelled, or the test hangs.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <semaphore>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/unit/kube/loopback_socket.h"
#include "tests/unit/kube/transport_fixture.h"

namespace {

// A name whose resolution lasts until the test lets it fail.
constexpr std::string_view kHangingName = "hangs.invalid";
std::binary_semaphore resolving{0};
std::binary_semaphore resolved{0};
std::binary_semaphore returned{0};

}  // namespace

// In place of libc's, which has all other names.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints,
                           addrinfo** results) {
  if (name != nullptr && name == kHangingName) {
    resolving.release();
    resolved.acquire();
    returned.release();
    return EAI_FAIL;
  }
  static const auto next =
      reinterpret_cast<decltype(&getaddrinfo)>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return next(name, service, hints, results);
}

namespace stockade::kube {
namespace {

using std::chrono::hours;
using testing::Exchange;

class TransportStopTest : public TransportTest {
 protected:
  [[nodiscard]] std::unique_ptr<Transport> MakeStoppable() const {
    TransportOptions options;
    options.stop = stop_.get_token();
    options.max_answer_bytes = std::size_t{1} << 40;
    return Make(std::move(options));
  }

  static HttpRequest LongRequest(std::string method, std::string target) {
    HttpRequest request = Request(std::move(method), std::move(target));
    request.deadline = hours(1);
    return request;
  }

  // Sends on a thread of its own.
  static std::future<std::string> Begin(Transport& transport, const HttpRequest& request) {
    return std::async(std::launch::async,
                      [&transport, request] { return Text(transport.Send(request)); });
  }

  std::stop_source stop_;
};

TEST_P(TransportStopTest, CancelsEveryRequestThatIsNotAnswered) {
  StartServer(nullptr);
  const auto transport = MakeStoppable();
  std::vector<std::future<std::string>> requests;
  std::vector<std::unique_ptr<Exchange>> unanswered;
  for (const char* method : {"GET", "POST", "GET", "DELETE"}) {
    requests.push_back(Begin(*transport, LongRequest(method, "/")));
    unanswered.push_back(server_->Next());
    ASSERT_NE(unanswered.back(), nullptr);
  }
  stop_.request_stop();
  for (auto& request : requests) EXPECT_EQ(request.get(), "Cancelled");
  for (const auto& exchange : unanswered) {
    EXPECT_TRUE(exchange->WaitForClose()) << "the server learns of it";
  }
  EXPECT_EQ(server_->Received().size(), 4U) << "nothing was sent again";
}

TEST_P(TransportStopTest, CancelsARequestOnAKeptConnection) {
  StartServer(nullptr);
  const auto transport = MakeStoppable();
  auto answered = Begin(*transport, LongRequest("GET", "/"));
  server_->Next()->Respond(200, "{}");
  ASSERT_EQ(answered.get(), "200 {}");
  auto request = Begin(*transport, LongRequest("GET", "/"));
  const auto unanswered = server_->Next();
  stop_.request_stop();
  EXPECT_EQ(request.get(), "Cancelled");
}

// Takes connections and says nothing on them.
class SilentServer {
 public:
  SilentServer() { EXPECT_EQ(::listen(listener_.get(), 1), 0); }
  ~SilentServer() {
    if (connection_ >= 0) ::close(connection_);
  }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return listener_.port(); }
  // Waits until a client has connected and said something.
  void WaitForClient() {
    connection_ = ::accept(listener_.get(), nullptr, nullptr);
    char byte = 0;
    EXPECT_EQ(::recv(connection_, &byte, 1, 0), 1);
  }
  // Waits until that client is gone.
  void WaitForClose() const {
    char block[4096];
    while (::recv(connection_, block, sizeof block, 0) > 0) {
    }
  }

 private:
  LoopbackSocket listener_;
  int connection_ = -1;
};

TEST_P(TransportStopTest, CancelsARequestThatIsStillConnecting) {
  SilentServer server;
  config_.host = "127.0.0.1";
  config_.port = server.port();
  config_.ca_pem = authority_.certificate();
  config_.tls = true;
  const auto transport = MakeStoppable();
  auto request = Begin(*transport, LongRequest("GET", "/"));
  server.WaitForClient();  // its part of the TLS handshake
  stop_.request_stop();
  EXPECT_EQ(request.get(), "Cancelled");
  server.WaitForClose();
}

TEST_P(TransportStopTest, CancelsARequestWhoseServerIsBeingLookedUp) {
  config_.host = kHangingName;
  config_.port = 443;
  config_.ca_pem = authority_.certificate();
  config_.tls = true;
  const auto transport = MakeStoppable();
  auto request = Begin(*transport, LongRequest("GET", "/"));
  resolving.acquire();
  stop_.request_stop();
  EXPECT_EQ(request.get(), "Cancelled");
  resolved.release();
  returned.acquire();  // or the next test's lookup could have taken what ends this one
}

TEST_P(TransportStopTest, CancelsARequestWithinItsAnswer) {
  std::promise<void> being_read;
  std::promise<bool> closed;
  StartServer([&](Exchange& exchange) {
    exchange.BeginChunks();
    // More than lies in the sockets' buffers: the client is reading it.
    const std::string piece(std::size_t{1} << 20, 'x');
    for (int i = 0; i < 24; ++i) exchange.Chunk(piece);
    being_read.set_value();
    closed.set_value(exchange.WaitForClose());
  });
  const auto transport = MakeStoppable();
  auto request = Begin(*transport, LongRequest("GET", "/"));
  being_read.get_future().wait();
  stop_.request_stop();
  EXPECT_EQ(request.get(), "Cancelled");
  EXPECT_TRUE(closed.get_future().get());
}

TEST_P(TransportStopTest, SendsNothingAfterTheStop) {
  StartServer([](Exchange& exchange) { exchange.Respond(200, "{}"); });
  const auto transport = MakeStoppable();
  EXPECT_EQ(Text(transport->Send(LongRequest("GET", "/before"))), "200 {}");
  stop_.request_stop();
  const auto response = transport->Send(LongRequest("GET", "/after"));
  EXPECT_EQ(Text(response), "Cancelled");
  EXPECT_NE(response.status().message().find("127.0.0.1:" + std::to_string(server_->port())),
            std::string::npos)
      << response.status().message();
  EXPECT_EQ(Text(MakeStoppable()->Send(LongRequest("POST", "/after"))), "Cancelled");
  EXPECT_EQ(server_->Received().size(), 1U);
}

TEST_P(TransportStopTest, AStopAmongManyAnswersTakesNoneOfThemBack) {
  StartServer(testing::ServerOptions{.tls = false, .handler = [](Exchange& exchange) {
                                       exchange.Respond(200, exchange.request().target);
                                     }});
  constexpr int kThreads = 8;
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    stop_ = std::stop_source();
    const auto transport = MakeStoppable();
    std::atomic<int> finished = 0;
    std::atomic<int> wrong = 0;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0;; ++i) {
          const std::string target = "/" + std::to_string(thread) + "/" + std::to_string(i);
          const std::string text = Text(transport->Send(LongRequest("GET", target)));
          if (text == "Cancelled") break;
          if (text != "200 " + target) ++wrong;
          ++finished;
          finished.notify_all();
        }
      });
    }
    // Each round's stop comes in the midst of other requests.
    for (int seen = 0; seen < kThreads + round; seen = finished) finished.wait(seen);
    stop_.request_stop();
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0) << "each is answered as it should be or cancelled";
  }
}

INSTANTIATE_TEST_SUITE_P(All, TransportStopTest, ::testing::ValuesIn(kTransports), TransportName);

}  // namespace
}  // namespace stockade::kube
