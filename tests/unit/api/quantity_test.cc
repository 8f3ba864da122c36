#include "api/quantity.h"

#include <gtest/gtest.h>

#include <string>

namespace stockade::api {
namespace {

Quantity Parse(std::string_view text) {
  const auto quantity = Quantity::Parse(text);
  EXPECT_TRUE(quantity.ok()) << text << ": " << quantity.status().ToString();
  return quantity.ok() ? *quantity : Quantity();
}

struct Canonical {
  const char* text;
  const char* stored;   // String() of apimachinery's resource.Quantity
  const char* rounded;  // and after RoundUp(resource.Milli)
};

// Made with k8s.io/apimachinery v0.34.0.
const Canonical kCanonical[] = {
    {"0", "0", "0"},
    {"00", "0", "0"},
    {"0.0", "0", "0"},
    {"-0", "0", "0"},
    {"0Gi", "0", "0"},
    {"1", "1", "1"},
    {"-1", "-1", "-1"},
    {"1000m", "1", "1"},
    {"1500m", "1500m", "1500m"},
    {"-1500m", "-1500m", "-1500m"},
    {"0.5", "500m", "500m"},
    {".5", "500m", "500m"},
    {"-.5", "-500m", "-500m"},
    {"1.50", "1500m", "1500m"},
    {"1m", "1m", "1m"},
    {"1u", "1u", "1m"},
    {"1n", "1n", "1m"},
    {"0.1n", "1n", "1m"},
    {"0.5n", "1n", "1m"},
    {"-0.1n", "-1n", "-1m"},
    {"100n", "100n", "1m"},
    {"1001n", "1001n", "1m"},
    {"0.9999m", "999900n", "1m"},
    {"1.0005", "1000500u", "1001m"},
    {"1.0000000001", "1000000001n", "1001m"},
    {"-1.0000000001", "-1000000001n", "-1001m"},
    {"0.000000000000000000000000000000001", "1n", "1m"},
    {"1.999999999999999999999999", "2", "2"},
    {"500000000n", "500m", "500m"},
    {"12345678901n", "12345678901n", "12346m"},
    {"99999999999999999999n", "99999999999999999999n", "100G"},
    {"1k", "1k", "1k"},
    {"1M", "1M", "1M"},
    {"1G", "1G", "1G"},
    {"1T", "1T", "1T"},
    {"1P", "1P", "1P"},
    {"1E", "1E", "1E"},
    {"9E", "9E", "9E"},
    {"1000000", "1M", "1M"},
    {"1000k", "1M", "1M"},
    {"1000000k", "1G", "1G"},
    {"1234567", "1234567", "1234567"},
    {"1024", "1024", "1024"},
    {"1Ki", "1Ki", "1Ki"},
    {"1Mi", "1Mi", "1Mi"},
    {"1Gi", "1Gi", "1Gi"},
    {"1Pi", "1Pi", "1Pi"},
    {"1Ei", "1Ei", "1Ei"},
    {"7Ei", "7Ei", "7Ei"},
    {"0.5Ei", "512Pi", "512Pi"},
    {"8191Pi", "8191Pi", "8191Pi"},
    {"1024Ki", "1Mi", "1Mi"},
    {"1536Ki", "1536Ki", "1536Ki"},
    {"1000Ki", "1000Ki", "1000Ki"},
    {"1023Ki", "1023Ki", "1023Ki"},
    {"1048577Ki", "1048577Ki", "1048577Ki"},
    {"0.5Gi", "512Mi", "512Mi"},
    {"1.5Gi", "1536Mi", "1536Mi"},
    {"-1Gi", "-1Gi", "-1Gi"},
    {"-1.5Gi", "-1536Mi", "-1536Mi"},
    {"0.1Gi", "107374182400m", "107374182400m"},
    {"0.3Ki", "307200m", "307200m"},
    {"1.1Ki", "1126400m", "1126400m"},
    {"0.001Ki", "1024m", "1024m"},
    {"0.0005Gi", "536870912m", "536870912m"},
    {"1e3", "1e3", "1e3"},
    {"12e6", "12e6", "12e6"},
    {"1e18", "1e18", "1e18"},
    {"1.5e3", "1500", "1500"},
    {"1234e1", "12340", "12340"},
    {"150e-2", "1500e-3", "1500e-3"},
    {"100e-3", "100e-3", "100e-3"},
    {"3.5e-4", "350e-6", "1e-3"},
    {"1e-9", "1e-9", "1e-3"},
    {"1e-10", "1e-9", "1e-3"},
    {"9223372036854775807", "9223372036854775807", "9223372036854775807"},
    {"9223372036854775807m", "9223372036854775807m", "9223372036854775807m"},
    {"-9223372036854775807", "-9223372036854775807", "-9223372036854775807"},
};

TEST(QuantityTest, HasTheFormThatTheApiServerStores) {
  for (const Canonical& c : kCanonical) {
    EXPECT_EQ(Parse(c.text).ToString(), c.stored) << c.text;
    EXPECT_EQ(Parse(c.text).RoundedUpToMilli().ToString(), c.rounded) << c.text;
  }
}

TEST(QuantityTest, ItsOwnFormIsStable) {
  for (const Canonical& c : kCanonical) {
    const Quantity quantity = Parse(c.text);
    EXPECT_EQ(Parse(quantity.ToString()), quantity) << c.text;
    EXPECT_EQ(Parse(quantity.ToString()).ToString(), quantity.ToString()) << c.text;
  }
}

// apimachinery keeps these as they are written; here equal values have one text.
TEST(QuantityTest, OddSpellingsAreNotKept) {
  EXPECT_EQ(Parse("1E3").ToString(), "1e3");
  EXPECT_EQ(Parse("1e0").ToString(), "1");
  EXPECT_EQ(Parse("1.000383P").ToString(), "1000383G");
  EXPECT_EQ(Parse("+1").ToString(), "1");
  EXPECT_EQ(Parse("5.").ToString(), "5");
  EXPECT_EQ(Parse("1.Gi").ToString(), "1Gi");
  EXPECT_EQ(Parse("1e+3").ToString(), "1e3");
}

TEST(QuantityTest, RefusesWhatIsNoQuantity) {
  for (const char* text :
       {"",      " ",        "--1",       "-+1",         "+-1",      "1.2.3", "1_000", "1,5",
        " 1",    "1 ",       "1\n",       "1K",          "1ki",      "1mi",   "1Gib",  "1GB",
        "1Gi1",  "0x10",     "NaN",       "Inf",         "infinity", "1e",    "1e+",   "1e-",
        "1e++3", "1e+-3",    "1e 3",      "1e3m",        "1e5.5",    "one",   "1Ee",   "1Eii",
        "1Ki.",  "\xD9\xA1", "1\xC2\xA0", "\xEF\xBC\x91"}) {
    EXPECT_EQ(Quantity::Parse(text).status().code(), StatusCode::kBadRequest) << text;
  }
  EXPECT_FALSE(Quantity::Parse(std::string_view("1\0", 2)).ok());
}

// apimachinery reads these as zero; its schema's pattern and we do not.
TEST(QuantityTest, RefusesNumbersWithoutDigits) {
  for (const char* text : {".", "+", "-", "m", "Ki", ".Gi", "-.", "e3"}) {
    EXPECT_FALSE(Quantity::Parse(text).ok()) << text;
  }
}

TEST(QuantityTest, RefusesWhatIsBeyondTheRange) {
  for (const char* text :
       {"9223372036854775808", "-9223372036854775808", "8Ei", "-8Ei", "10E", "9.3E", "1e19", "1e30",
        "1e31", "1e1000", "1e-1000", "1e99999999999999999999", "123456789012345678901234567890",
        "99999999999999999999999999999999999999999999999999999999999999Ei"}) {
    EXPECT_FALSE(Quantity::Parse(text).ok()) << text;
  }
  EXPECT_FALSE(Quantity::Parse(std::string(65, '1')).ok());
  EXPECT_FALSE(Quantity::Parse(std::string(1'000'000, '0')).ok());
}

TEST(QuantityTest, ComparesByValue) {
  EXPECT_EQ(Parse("1Gi"), Parse("1073741824"));
  EXPECT_EQ(Parse("1Gi").ExactText(), Parse("1073741824").ExactText());
  EXPECT_EQ(Parse("1000m"), Parse("1"));
  EXPECT_EQ(Parse("0"), Parse("-0"));
  EXPECT_NE(Parse("1G"), Parse("1Gi"));
  EXPECT_LT(Parse("1G"), Parse("1Gi"));
  EXPECT_LT(Parse("999m"), Parse("1"));
  EXPECT_LT(Parse("-2"), Parse("-1"));
  EXPECT_GT(Parse("1n"), Parse("0"));
}

TEST(QuantityTest, ExactTextCountsNanoUnits) {
  EXPECT_EQ(Parse("0").ExactText(), "0");
  EXPECT_EQ(Parse("1n").ExactText(), "1");
  EXPECT_EQ(Parse("-1500m").ExactText(), "-1500000000");
  EXPECT_EQ(Parse("9223372036854775807").ExactText(), "9223372036854775807000000000");
}

TEST(QuantityTest, KnowsItsSign) {
  EXPECT_TRUE(Parse("-1n").IsNegative());
  EXPECT_FALSE(Parse("-0").IsNegative());
  EXPECT_TRUE(Parse("-0").IsZero());
  EXPECT_FALSE(Parse("0.0000000000001").IsZero());
  EXPECT_TRUE(Quantity().IsZero());
}

TEST(QuantityTest, ReadsStringsAndNumbersOfJson) {
  const auto read = [](const char* json) {
    const auto document = codec::JsonDocument::Parse(json);
    EXPECT_TRUE(document.ok());
    return Quantity::FromJson(document->root());
  };
  EXPECT_EQ(*read("\"1Gi\""), Parse("1Gi"));
  EXPECT_EQ(*read("2"), Parse("2"));
  EXPECT_EQ(*read("0.5"), Parse("500m"));
  EXPECT_EQ(*read("-3"), Parse("-3"));
  EXPECT_EQ(*read("1e3"), Parse("1000"));
  EXPECT_EQ(*read("0.1"), Parse("100m"));
  EXPECT_EQ(*read("1000000000000000000"), Parse("1E"));
  for (const char* json : {"true", "null", "[]", "{}", "[1]", "\"\"", "1e300", "1e-300"}) {
    EXPECT_EQ(read(json).status().code(), StatusCode::kBadRequest) << json;
  }
}

TEST(QuantityTest, ErrorsQuoteLittle) {
  const auto quantity = Quantity::Parse(std::string(100'000, 'x'));
  EXPECT_LT(quantity.status().message().size(), 200U);
}

}  // namespace
}  // namespace stockade::api
