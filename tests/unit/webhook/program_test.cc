#include "webhook/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "base/clock.h"

namespace stockade::webhook {
namespace {

using ::testing::StartsWith;

TEST(WebhookProgramTest, ConfigurationThatCannotBeServedIsAnErrorAtOnce) {
  const SystemClock clock;
  Logger logger(clock, LogLevel::kInfo, [](std::string_view) {});
  Config config;
  config.listen = {"127.0.0.1", 0};
  config.http = {"127.0.0.1", 0};
  config.certificate_file = "/nonexistent/tls.crt";
  config.key_file = "/nonexistent/tls.key";
  // Nothing connects to it.
  const auto connection = std::make_shared<const kube::ConnectionConfig>();
  const Status status = webhook::Run(config, connection, logger,
                                     [] { FAIL() << "waits for the end of what has not begun"; });
  EXPECT_EQ(status.code(), StatusCode::kBadRequest);
  EXPECT_THAT(status.message(), StartsWith("listen, certificates: cannot read the certificate "
                                           "file \"/nonexistent/tls.crt\": No such file"));
}

}  // namespace
}  // namespace stockade::webhook
