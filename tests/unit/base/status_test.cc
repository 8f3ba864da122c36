#include "base/status.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>

namespace stockade {
namespace {

TEST(StatusTest, IsOkUnlessToldOtherwise) {
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::kOk);
  EXPECT_EQ(status.ToString(), "Ok");
  EXPECT_EQ(status.message(), "");
  EXPECT_EQ(status.reason(), "");
  EXPECT_FALSE(status.retry_after());
  EXPECT_TRUE(Status::Ok().ok());
}

TEST(StatusTest, TextNamesTheCode) {
  const Status status(StatusCode::kNotFound, "pods \"x\" not found");
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.ToString(), "NotFound: pods \"x\" not found");
}

TEST(StatusTest, ContextStandsBeforeTheMessageAndKeepsTheRest) {
  Status status(StatusCode::kThrottled, "too many requests");
  status.set_reason("TooManyRequests").set_retry_after(std::chrono::seconds(7));
  const Status outer = status.WithContext("list pods").WithContext("start");
  EXPECT_EQ(outer.message(), "start: list pods: too many requests");
  EXPECT_EQ(outer.code(), StatusCode::kThrottled);
  EXPECT_EQ(outer.reason(), "TooManyRequests");
  EXPECT_EQ(outer.retry_after(), std::chrono::milliseconds(7000));
  EXPECT_EQ(status.message(), "too many requests");
}

TEST(StatusTest, ContextMakesNoErrorOfOk) {
  EXPECT_EQ(Status::Ok().WithContext("read").ToString(), "Ok");
}

TEST(StatusCodeTest, EachHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(StatusCode::kInternal); ++i) {
    const std::string_view name = StatusCodeName(static_cast<StatusCode>(i));
    EXPECT_NE(name, "Unknown") << i;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_EQ(StatusCodeName(static_cast<StatusCode>(99)), "Unknown");
}

TEST(ResultTest, HoldsAValue) {
  Result<std::string> result = std::string("value");
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result.status().ok());
  EXPECT_EQ(*result, "value");
  EXPECT_EQ(result->size(), 5U);
  result.value() += "s";
  EXPECT_EQ(std::as_const(result).value(), "values");
}

TEST(ResultTest, HoldsAStatus) {
  const Result<std::string> result = Status(StatusCode::kGone, "too old");
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.status().ToString(), "Gone: too old");
}

TEST(ResultTest, AValueThatIsAStatusMessageIsStillAValue) {
  const Result<bool> result = false;
  EXPECT_TRUE(result.ok());
  EXPECT_FALSE(*result);
}

TEST(ResultTest, MovesWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 5);
}

TEST(ResultTest, AnOkStatusIsNoExcuseForAMissingValue) {
  const Result<int> result = Status::Ok();
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kInternal);
}

TEST(ResultTest, AFailedResultHasNoValueToGive) {
  const Result<int> result = Status(StatusCode::kInternal, "broken");
  EXPECT_THROW(static_cast<void>(result.value()), std::bad_variant_access);
  EXPECT_THROW(static_cast<void>(*result), std::bad_variant_access);
}

}  // namespace
}  // namespace stockade
