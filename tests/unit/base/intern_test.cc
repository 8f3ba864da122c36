#include "base/intern.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace stockade {
namespace {

TEST(InternTest, EqualValuesAreOne) {
  InternPool<std::string> pool;
  const auto first = pool.Get("abc");
  const auto second = pool.Get("abc");
  const auto other = pool.Get("abd");
  EXPECT_EQ(first, second);
  EXPECT_NE(first, other);
  EXPECT_EQ(*first, "abc");
  EXPECT_EQ(pool.size(), 2U);
}

TEST(InternTest, AValueGoesWithItsLastHolder) {
  InternPool<std::string> pool;
  auto first = pool.Get("abc");
  auto second = first;
  first.reset();
  EXPECT_EQ(pool.size(), 1U);
  second.reset();
  EXPECT_EQ(pool.size(), 0U);
  EXPECT_EQ(*pool.Get("abc"), "abc");
}

TEST(InternTest, ServesManyThreads) {
  InternPool<std::string> pool;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&pool] {
      for (int round = 0; round < 2000; ++round) {
        const std::string text = std::to_string(round % 3);
        if (*pool.Get(text) != text) std::abort();
      }
    });
  }
  threads.clear();  // joins
  EXPECT_EQ(pool.size(), 0U);
}

}  // namespace
}  // namespace stockade
