#include "kube/measured_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <memory>
#include <utility>
#include <vector>

namespace stockade::kube {
namespace {

using ::testing::HasSubstr;

class ScriptedTransport final : public Transport {
 public:
  explicit ScriptedTransport(std::vector<Result<HttpResponse>> answers)
      : answers_(std::move(answers)) {}
  Result<HttpResponse> Send(const HttpRequest&) override { return answers_.at(next_++); }

 private:
  const std::vector<Result<HttpResponse>> answers_;
  std::size_t next_ = 0;
};

HttpResponse Answer(int status) {
  return {.status = status, .retry_after = std::nullopt, .body = "{}"};
}

TEST(MeasuredTransportTest, CountsByCodeMethodAndHostAndPassesAnswersOn) {
  prometheus::Registry registry;
  ConnectionConfig config;
  config.host = "10.0.0.1";
  config.port = 6443;
  const auto transport = MakeMeasuredTransport(
      std::make_unique<ScriptedTransport>(std::vector<Result<HttpResponse>>{
          Answer(200), Answer(200), Answer(409), Status(StatusCode::kUnavailable, "cut")}),
      config, registry);
  HttpRequest get;
  get.method = "GET";
  HttpRequest post;
  post.method = "POST";
  EXPECT_EQ(transport->Send(get)->status, 200);
  EXPECT_EQ(transport->Send(post)->status, 200);
  EXPECT_EQ(transport->Send(post)->status, 409);
  EXPECT_EQ(transport->Send(post).status().code(), StatusCode::kUnavailable);

  const std::string text = prometheus::TextSerializer().Serialize(registry.Collect());
  for (const char* labels : {"code=\"200\",host=\"10.0.0.1:6443\",method=\"GET\"} 1",
                             "code=\"200\",host=\"10.0.0.1:6443\",method=\"POST\"} 1",
                             "code=\"409\",host=\"10.0.0.1:6443\",method=\"POST\"} 1",
                             "code=\"<error>\",host=\"10.0.0.1:6443\",method=\"POST\"} 1"}) {
    EXPECT_THAT(text, HasSubstr(std::string("rest_client_requests_total{") + labels));
  }
  EXPECT_THAT(text, HasSubstr("rest_client_request_duration_seconds_count{"
                              "host=\"10.0.0.1:6443\",verb=\"POST\"} 3"));
}

}  // namespace
}  // namespace stockade::kube
