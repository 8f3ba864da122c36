#include "operator/rendered_sandboxes.h"

#include <gtest/gtest.h>

namespace stockade::sandbox_operator {
namespace {

class RenderedSandboxesTest : public ::testing::Test {
 protected:
  // How often the sandbox was rendered, after it was asked for once more.
  int Made(const std::string& uid, std::size_t spec_hash) {
    CachedSandbox sandbox;
    sandbox.uid = uid;
    sandbox.spec_hash = spec_hash;
    const auto got = rendered_.Get(sandbox, [&] {
      RenderedSandbox made;
      made.desired.pod = ++made_;
      return made;
    });
    last_ = got->desired.pod.get<int>();
    return made_;
  }

  RenderedSandboxes rendered_;
  int made_ = 0;
  int last_ = 0;
};

TEST_F(RenderedSandboxesTest, TheSameSpecIsRenderedOnce) {
  EXPECT_EQ(Made("u1", 7), 1);
  EXPECT_EQ(Made("u1", 7), 1);
  EXPECT_EQ(Made("u2", 7), 2) << "another sandbox has other names";
  EXPECT_EQ(Made("u1", 7), 2);
  EXPECT_EQ(last_, 1);
}

TEST_F(RenderedSandboxesTest, AnotherSpecTakesThePlaceOfTheFormer) {
  Made("u1", 7);
  EXPECT_EQ(Made("u1", 8), 2);
  EXPECT_EQ(Made("u1", 8), 2);
  EXPECT_EQ(last_, 2);
  EXPECT_EQ(Made("u1", 7), 3) << "only the last one is remembered";
}

TEST_F(RenderedSandboxesTest, TheOldestAreForgotten) {
  Made("u", 1);
  for (int i = 0; i < 100; ++i) Made("u" + std::to_string(i), 1);
  EXPECT_EQ(Made("u99", 1), 101);
  EXPECT_EQ(Made("u", 1), 102);
}

}  // namespace
}  // namespace stockade::sandbox_operator
