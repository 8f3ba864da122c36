#include "base/base64.h"

#include <gtest/gtest.h>

#include <utility>

namespace stockade {
namespace {

// RFC 4648, section 10.
constexpr std::pair<std::string_view, std::string_view> kVectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

TEST(Base64Test, EncodesAndDecodesTheVectorsOfTheStandard) {
  for (const auto& [bytes, text] : kVectors) {
    EXPECT_EQ(EncodeBase64(bytes), text);
    EXPECT_EQ(DecodeBase64(text), bytes);
  }
}

TEST(Base64Test, CarriesEveryByte) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.push_back(static_cast<char>(byte));
  EXPECT_EQ(DecodeBase64(EncodeBase64(bytes)), bytes);
}

TEST(Base64Test, SkipsLineBreaks) { EXPECT_EQ(DecodeBase64("Zm9v\r\nYmFy\n"), "foobar"); }

TEST(Base64Test, DecodesNothingElse) {
  for (const std::string_view text :
       {"Zg", "Zg=", "Z", "Zg===", "Zg==Zg==", "Zm 9v", "Zm-v", "=", "====", "Zm9v="}) {
    EXPECT_EQ(DecodeBase64(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace stockade
