// What every Transport does alike, against a server of the test's own. Identities are in
// transport_tls_test.cc.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <set>
#include <thread>
#include <vector>

#include "tests/unit/kube/loopback_socket.h"
#include "tests/unit/kube/transport_fixture.h"

namespace stockade::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Exchange;
using testing::ReceivedRequest;

using TransportConformanceTest = TransportTest;

void RespondEmpty(Exchange& exchange) { exchange.Respond(200, "{}"); }

TEST_P(TransportConformanceTest, SendsTheRequestAsItIs) {
  StartServer(RespondEmpty);
  config_.path_prefix = "/clusters/a";
  config_.user_agent = "stockade/test";
  config_.token = "t0ken";
  const auto response =
      Make()->Send(Request("POST", "/api/v1/pods?a=b%2Fc%20d&e=%25", R"({"kind":"Pod"})"));
  EXPECT_EQ(Text(response), "200 {}") << response.status().ToString();
  const auto received = server_->Received();
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(received[0].method, "POST");
  EXPECT_EQ(received[0].target, "/clusters/a/api/v1/pods?a=b%2Fc%20d&e=%25");
  EXPECT_EQ(received[0].body, R"({"kind":"Pod"})");
  EXPECT_EQ(received[0].Header("content-type"), "application/json");
  EXPECT_EQ(received[0].Header("content-length"), "14");
  EXPECT_EQ(received[0].Header("accept"), "application/json");
  EXPECT_EQ(received[0].Header("user-agent"), "stockade/test");
  EXPECT_EQ(received[0].Header("authorization"), "Bearer t0ken");
  EXPECT_EQ(received[0].Header("host"), "127.0.0.1:" + std::to_string(server_->port()));
}

TEST_P(TransportConformanceTest, SendsNoTokenAndNoBodyUnlessThereIsOne) {
  StartServer(RespondEmpty);
  EXPECT_EQ(Text(Make()->Send(Request("GET", "/"))), "200 {}");
  const auto received = server_->Received();
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(received[0].Header("authorization"), "");
  EXPECT_EQ(received[0].Header("content-type"), "");
  EXPECT_EQ(received[0].body, "");
}

TEST_P(TransportConformanceTest, SendsEveryMethodAndLargeBodies) {
  StartServer([](Exchange& exchange) {
    exchange.Respond(
        200, exchange.request().method + " " + std::to_string(exchange.request().body.size()));
  });
  const auto transport = Make();
  EXPECT_EQ(Text(transport->Send(Request("PUT", "/", "{}"))), "200 PUT 2");
  EXPECT_EQ(Text(transport->Send(Request("DELETE", "/", "{}"))), "200 DELETE 2");
  EXPECT_EQ(Text(transport->Send(Request("PATCH", "/", std::string(3000000, 'x')))),
            "200 PATCH 3000000");
}

TEST_P(TransportConformanceTest, AnAnswerOfAnyStatusIsAResponse) {
  StartServer([](Exchange& exchange) {
    exchange.Respond(std::stoi(exchange.request().target.substr(1)), "body");
  });
  const auto transport = Make();
  for (const int status : {200, 201, 202, 400, 401, 403, 404, 409, 410, 422, 429, 500, 503, 599}) {
    const auto response = transport->Send(Request("GET", "/" + std::to_string(status)));
    EXPECT_EQ(Text(response), std::to_string(status) + " body") << response.status().ToString();
  }
}

TEST_P(TransportConformanceTest, DoesNotFollowRedirects) {
  StartServer([](Exchange& exchange) {
    exchange.Respond(std::stoi(exchange.request().target.substr(1)), "", "Location: /200\r\n");
  });
  const auto transport = Make();
  for (const int status : {301, 302, 303, 307, 308}) {
    EXPECT_EQ(Text(transport->Send(Request("GET", "/" + std::to_string(status)))),
              std::to_string(status) + " ");
  }
  EXPECT_EQ(server_->Received().size(), 5U);
}

TEST_P(TransportConformanceTest, ReadsRetryAfter) {
  StartServer([](Exchange& exchange) {
    const bool seconds_form = exchange.request().target == "/seconds";
    exchange.Respond(
        429, "",
        seconds_form ? "Retry-After: 7\r\n" : "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n");
  });
  const auto transport = Make();
  const auto in_seconds = transport->Send(Request("GET", "/seconds"));
  ASSERT_TRUE(in_seconds.ok()) << in_seconds.status().ToString();
  EXPECT_EQ(in_seconds->retry_after, seconds(7));
  const auto as_date = transport->Send(Request("GET", "/date"));
  ASSERT_TRUE(as_date.ok()) << as_date.status().ToString();
  EXPECT_EQ(as_date->retry_after, std::nullopt);
}

TEST_P(TransportConformanceTest, ReadsChunksHoweverTheyAreCut) {
  StartServer([](Exchange& exchange) {
    exchange.BeginChunks();
    for (const char* piece : {"{\"a\"", ":", "\"b\"}"}) exchange.Chunk(piece);
    // One chunk in pieces of its own.
    for (const char* piece : {"5", "\r", "\nab", "cde\r", "\n"}) exchange.Write(piece);
    exchange.EndChunks();
  });
  const auto transport = Make();
  EXPECT_EQ(Text(transport->Send(Request("GET", "/"))), "200 {\"a\":\"b\"}abcde");
  EXPECT_EQ(Text(transport->Send(Request("GET", "/"))), "200 {\"a\":\"b\"}abcde");
}

TEST_P(TransportConformanceTest, ReadsAnAnswerWithoutABody) {
  StartServer([](Exchange& exchange) { exchange.Write("HTTP/1.1 204 No Content\r\n\r\n"); });
  const auto transport = Make();
  EXPECT_EQ(Text(transport->Send(Request("GET", "/"))), "204 ");
  EXPECT_EQ(Text(transport->Send(Request("GET", "/"))), "204 ");
}

// cpprestsdk keeps a connection a moment after it has handed over the answer, so that a single
// request may still find none; this is why tests of kept connections send many.
constexpr int kMany = 100;

TEST_P(TransportConformanceTest, ReusesItsConnections) {
  StartServer(RespondEmpty);
  const auto transport = Make();
  for (int i = 0; i < kMany; ++i) {
    EXPECT_EQ(Text(transport->Send(Request("GET", "/"))), "200 {}");
    EXPECT_EQ(Text(transport->Send(Request("POST", "/", "{}"))), "200 {}");
  }
  EXPECT_LT(server_->Received().back().connection, kMany);
}

TEST_P(TransportConformanceTest, DoesNotReuseAConnectionThatTheServerIsAboutToClose) {
  StartServer([](Exchange& exchange) {
    exchange.Respond(200, "{}", "Connection: close\r\n");
    exchange.Cut();
  });
  const auto transport = Make();
  EXPECT_EQ(Text(transport->Send(Request("POST", "/", "{}"))), "200 {}");
  EXPECT_EQ(Text(transport->Send(Request("POST", "/", "{}"))), "200 {}");
  EXPECT_EQ(server_->Received().at(1).connection, 2);
}

// Dies once, on the first request that comes on a connection that it kept.
class MortalServer {
 public:
  void operator()(Exchange& exchange) {
    if (exchange.request().sequence > 1 && !died_->exchange(true)) {
      exchange.Cut();
    } else {
      exchange.Respond(200, "{}");
    }
  }
  [[nodiscard]] bool died() const { return *died_; }

 private:
  std::shared_ptr<std::atomic<bool>> died_ = std::make_shared<std::atomic<bool>>(false);
};

TEST_P(TransportConformanceTest, SendsAReadAgainAfterAKeptConnectionFailed) {
  const MortalServer server;
  StartServer(server);
  const auto transport = Make();
  for (int i = 0; i < kMany && !server.died(); ++i) {
    const auto response = transport->Send(Request("GET", "/"));
    EXPECT_EQ(Text(response), "200 {}") << response.status().ToString();
  }
  EXPECT_TRUE(server.died());
}

TEST_P(TransportConformanceTest, NeverSendsAWriteTwice) {
  const MortalServer server;
  StartServer(server);
  const auto transport = Make();
  std::set<std::string> targets;
  for (int i = 0; i < kMany && !server.died(); ++i) {
    const std::string target = "/" + std::to_string(i);
    targets.insert(target);
    const auto response = transport->Send(Request("POST", target, "{}"));
    EXPECT_EQ(Text(response), server.died() ? "Unavailable" : "200 {}");
  }
  EXPECT_TRUE(server.died());
  EXPECT_EQ(server_->Received().size(), targets.size())
      << "the server may have done what it did not confirm";
  // And the failure leaves nothing behind that the next requests could fail on.
  for (int i = 0; i < 10; ++i) {
    const auto response = transport->Send(Request("POST", "/", "{}"));
    EXPECT_EQ(Text(response), "200 {}") << response.status().ToString();
  }
}

TEST_P(TransportConformanceTest, ReadsAgainAfterTheServerClosedAConnectionAtRest) {
  StartServer([](Exchange& exchange) {
    exchange.Respond(200, "{}");
    exchange.Cut();
  });
  const auto transport = Make();
  for (int i = 0; i < kMany; ++i) {
    const auto response = transport->Send(Request("GET", "/"));
    EXPECT_EQ(Text(response), "200 {}") << response.status().ToString();
  }
}

TEST_P(TransportConformanceTest, IsUnavailableWhenTheServerBreaksOff) {
  StartServer([](Exchange& exchange) {
    const std::string& target = exchange.request().target;
    if (target == "/head") exchange.Write("HTTP/1.1 200 OK\r\nContent-Le");
    if (target == "/body") exchange.Write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    if (target == "/chunk") {
      exchange.BeginChunks();
      exchange.Write("10\r\nhalf");
    }
    exchange.Cut();
  });
  for (const char* target : {"/nothing", "/head", "/body", "/chunk"}) {
    EXPECT_EQ(Text(Make()->Send(Request("GET", target))), "Unavailable") << target;
  }
}

TEST_P(TransportConformanceTest, IsUnavailableWhenTheAnswerIsNoHttp) {
  StartServer([](Exchange& exchange) {
    exchange.Write("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    exchange.Cut();
  });
  EXPECT_EQ(Text(Make()->Send(Request("GET", "/"))), "Unavailable");
}

TEST_P(TransportConformanceTest, IsUnavailableWhenNobodyListens) {
  const LoopbackSocket port;  // on which nobody listens
  config_.host = "127.0.0.1";
  config_.port = port.port();
  for (const bool tls : {true, false}) {
    config_.tls = tls;
    EXPECT_EQ(Text(Make()->Send(Request("GET", "/"))), "Unavailable");
    EXPECT_EQ(Text(Make()->Send(Request("POST", "/", "{}"))), "Unavailable");
  }
}

TEST_P(TransportConformanceTest, RefusesAnAnswerThatIsTooLarge) {
  std::promise<bool> closed;
  StartServer([&closed](Exchange& exchange) {
    const std::string piece(10000, 'x');
    if (exchange.request().target == "/length") {
      exchange.Respond(200, piece);
      return;
    }
    exchange.BeginChunks();
    // A server without end: only the client can stop it.
    while (exchange.Chunk(piece)) {
    }
    closed.set_value(true);
  });
  const auto transport = MakeWithLimit(5000);
  EXPECT_EQ(Text(transport->Send(Request("GET", "/length"))), "Unavailable");
  EXPECT_EQ(Text(transport->Send(Request("GET", "/endless"))), "Unavailable");
  EXPECT_TRUE(closed.get_future().get()) << "the connection is closed";
  EXPECT_EQ(Text(MakeWithLimit(10000)->Send(Request("GET", "/length"))).size(), 10004U);
}

TEST_P(TransportConformanceTest, GivesUpAServerThatDoesNotAnswer) {
  StartServer([](Exchange& exchange) {
    if (exchange.request().target == "/silent") {
      (void)exchange.WaitForClose();
    } else {
      exchange.Respond(200, "{}");
    }
  });
  const auto transport = Make();
  EXPECT_EQ(Text(transport->Send(Request("GET", "/"))), "200 {}");
  HttpRequest silent = Request("GET", "/silent");
  silent.deadline = milliseconds(100);
  EXPECT_EQ(Text(transport->Send(silent)), "DeadlineExceeded");
  EXPECT_EQ(Text(transport->Send(Request("GET", "/"))), "200 {}");
}

TEST_P(TransportConformanceTest, TheDeadlineIsForTheWholeAnswer) {
  // Every byte comes soon after the one before, for as long as the client listens, or a minute.
  StartServer([](Exchange& exchange) {
    exchange.Write("HTTP/1.1 200 OK\r\nContent-Length: 6000\r\n\r\n");
    for (int i = 0; i < 6000; ++i) {
      if (!exchange.Write("x") || exchange.WaitForClose(milliseconds(10))) return;
    }
  });
  HttpRequest request = Request("GET", "/");
  request.deadline = milliseconds(300);
  EXPECT_EQ(Text(Make()->Send(request)), "DeadlineExceeded");
}

TEST_P(TransportConformanceTest, TheDeadlineIsForTheWholeHead) {
  StartServer([](Exchange& exchange) {
    exchange.Write("HTTP/1.1 200 OK\r\nX-Slow: ");
    for (int i = 0; i < 6000; ++i) {
      if (!exchange.Write("x") || exchange.WaitForClose(milliseconds(10))) return;
    }
    exchange.Write("\r\nContent-Length: 0\r\n\r\n");
  });
  HttpRequest request = Request("GET", "/");
  request.deadline = milliseconds(300);
  EXPECT_EQ(Text(Make()->Send(request)), "DeadlineExceeded");
}

TEST_P(TransportConformanceTest, TheDeadlineIsForTheTlsHandshakeToo) {
  // A plain server waits for the end of a head that the client's greeting does not have.
  StartServer(testing::ServerOptions{.tls = false, .handler = RespondEmpty});
  config_.tls = true;
  HttpRequest request = Request("GET", "/");
  request.deadline = milliseconds(100);
  EXPECT_EQ(Text(Make()->Send(request)), "DeadlineExceeded");
}

TEST_P(TransportConformanceTest, ServesSeveralThreadsAtOnce) {
  StartServer([](Exchange& exchange) { exchange.Respond(200, exchange.request().target); });
  const auto transport = Make();
  std::atomic<int> answered = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 20; ++i) {
        const std::string target = "/" + std::to_string(thread) + "/" + std::to_string(i);
        if (Text(transport->Send(Request("GET", target))) == "200 " + target) ++answered;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered, 160) << "each got the answer to its own request";
}

TEST_P(TransportConformanceTest, RefusesARequestThatCouldBeReadAsAnother) {
  StartServer(RespondEmpty);
  const auto transport = Make();
  EXPECT_EQ(Text(transport->Send(Request("GET", "/a b"))), "BadRequest");
  EXPECT_EQ(Text(transport->Send(Request("GET", "/a\r\nX: y"))), "BadRequest");
  EXPECT_EQ(Text(transport->Send(Request("get", "/"))), "BadRequest");
  EXPECT_TRUE(server_->Received().empty());
}

TEST_P(TransportConformanceTest, SpeaksPlainHttpWhenToldTo) {
  StartServer(testing::ServerOptions{.tls = false, .handler = RespondEmpty});
  const auto transport = Make();
  EXPECT_EQ(Text(transport->Send(Request("GET", "/"))), "200 {}");
  EXPECT_EQ(Text(transport->Send(Request("POST", "/", "{}"))), "200 {}");
}

INSTANTIATE_TEST_SUITE_P(All, TransportConformanceTest, ::testing::ValuesIn(kTransports),
                         TransportName);

}  // namespace
}  // namespace stockade::kube
