#include "http_server/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/gauge.h>

#include <string>

namespace stockade::http_server {
namespace {

using ::testing::HasSubstr;

class MetricsEndpointTest : public ::testing::Test {
 protected:
  Response Ask(std::string_view method, std::string_view path) {
    return handler_({.method = method, .path = path, .query = {}, .content_type = {}, .body = {}});
  }
  // The value of a metric without labels.
  double ValueOf(const std::string& name) {
    const std::string text = Ask("GET", "/metrics").body;
    const std::string start = "\n" + name + " ";
    const std::size_t found = text.find(start);
    if (found == std::string::npos) {
      ADD_FAILURE() << "no " << name << " in\n" << text;
      return -1;
    }
    return std::stod(text.substr(found + start.size()));
  }

  MetricsEndpoint metrics_;
  Handler handler_ = metrics_.MakeHandler(
      [](const Request&) { return Response{.status = 404, .body = "somebody else\n"}; });
};

TEST_F(MetricsEndpointTest, AnswersInPrometheusText) {
  prometheus::BuildGauge()
      .Name("answers")
      .Help("How many there are.")
      .Register(metrics_.registry())
      .Add({{"kind", "a\"quoted\\one"}})
      .Set(42);
  const Response response = Ask("GET", "/metrics");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(response.body, HasSubstr("# TYPE answers gauge\n"));
  EXPECT_THAT(response.body, HasSubstr("answers{kind=\"a\\\"quoted\\\\one\"} 42\n"));
}

TEST_F(MetricsEndpointTest, LeavesOtherPathsToOthers) {
  EXPECT_EQ(Ask("GET", "/healthz").body, "somebody else\n");
  EXPECT_EQ(Ask("GET", "/metrics/").status, 404);
}

TEST_F(MetricsEndpointTest, OnlyReads) { EXPECT_EQ(Ask("POST", "/metrics").status, 405); }

TEST_F(MetricsEndpointTest, HooksRunBeforeEachScrape) {
  auto& gauge = prometheus::BuildGauge().Name("scrapes").Register(metrics_.registry()).Add({});
  metrics_.BeforeScrape([&gauge] { gauge.Increment(); });
  EXPECT_EQ(ValueOf("scrapes"), 1);
  EXPECT_EQ(ValueOf("scrapes"), 2);
}

TEST_F(MetricsEndpointTest, TellsOfTheProcess) {
  EXPECT_GT(ValueOf("process_resident_memory_bytes"), 1e5);
  EXPECT_GT(ValueOf("process_virtual_memory_bytes"), ValueOf("process_resident_memory_bytes"));
  EXPECT_GE(ValueOf("process_open_fds"), 3);
  EXPECT_GT(ValueOf("process_max_fds"), 3);
  EXPECT_GE(ValueOf("process_threads"), 1);
  // Between 2020 and 2100.
  EXPECT_GT(ValueOf("process_start_time_seconds"), 1577836800.0);
  EXPECT_LT(ValueOf("process_start_time_seconds"), 4102444800.0);
}

TEST_F(MetricsEndpointTest, ProcessorTimeOnlyGrows) {
  const double before = ValueOf("process_cpu_seconds_total");
  volatile double sink = 0;
  while (ValueOf("process_cpu_seconds_total") <= before) {
    for (int i = 0; i < 1000000; ++i) sink = sink + i;
  }
  EXPECT_GT(ValueOf("process_cpu_seconds_total"), before);
}

}  // namespace
}  // namespace stockade::http_server
